// explain and roles: what operators are told about who may do what, and why.
#include <doctest/doctest.h>

#include "e2e/world.h"

namespace usher::e2e {
namespace {

TEST_CASE("explain tells role, reason, room, tools and limits of a sender") {
  World world;
  std::string config = world.common_config() + World::shop_roles();
  world.configure(config);
  json::object owner = json_of(world.command({"explain", "telegram:100", "--json"}));
  CHECK(owner.at("tenant") == "default");
  CHECK(owner.at("sender") == "telegram:100");
  CHECK(owner.at("role") == "owner");
  CHECK(owner.at("workspace") == "owner");
  CHECK(owner.at("autonomy") == "full");
  CHECK(owner.at("tools").as_array().size() > 5);
  CHECK(owner.contains("limits"));
  CHECK(contains(json::serialize(owner.at("model")), "large-1"));
  std::string matched = json::serialize(owner.at("matched"));
  CHECK(contains(matched, "config.toml"));
  std::string line = line_of(config, "[[rbac.assignments]]");
  int number = std::stoi(line.substr(1));
  CHECK((contains(matched, std::to_string(number)) || contains(matched, std::to_string(number + 1))));
  std::string database = (world.dir / "data/default/memory/owner" / (std::string(owner_digest) + ".db")).string();
  CHECK(owner.at("memory_db") == json::value(database));

  json::object buyer = json_of(world.command({"explain", "telegram:200", "--json"}));
  CHECK(buyer.at("role") == "buyer");
  CHECK(contains(json::serialize(buyer.at("matched")), "default_role"));
  CHECK(buyer.at("tools").as_array().size() == 2);
  CHECK(json_of(world.command({"explain", "200", "--json"})).at("sender") == "telegram:200");
}

TEST_CASE("explain --tool decides as the gateway does and says why") {
  World world;
  world.configure(world.common_config() + World::shop_roles());
  auto decision = [&](const std::string& sender, const std::string& tool) {
    return json_of(world.command({"explain", sender, "--tool", tool, "--json"})).at("decision").as_object();
  };
  CHECK(decision("telegram:100", "file_write").at("allowed") == true);
  json::object denied = decision("telegram:200", "file_write");
  CHECK(denied.at("allowed") == false);
  CHECK_FALSE(denied.at("detail").as_string().empty());
  CHECK(decision("telegram:200", "product_search").at("allowed") == true);
  CHECK(decision("telegram:100", "no_such_tool").at("allowed") == false);
}

TEST_CASE("explain --chat applies the group's ceiling") {
  World world;
  world.configure(world.common_config() + World::shop_roles() +
                  "\n[[rbac.groups]]\nchat = \"telegram:-1001\"\nceiling = \"buyer\"\n");
  json::object there = json_of(world.command({"explain", "telegram:100", "--chat", "telegram:-1001", "--json"}));
  CHECK(there.at("workspace") == "shared");
  CHECK(there.at("tools").as_array().size() == 2);
  json::object elsewhere = json_of(world.command({"explain", "telegram:100", "--chat", "telegram:-1002", "--json"}));
  CHECK(elsewhere.at("workspace") == "owner");
  for (const char* chat : {"-1001", "telegram:", "telegram:-", "telegram:shop", "telegram:-10x"}) {
    CAPTURE(chat);
    CHECK(world.command({"explain", "telegram:100", "--chat", chat, "--json"}).status == 1);
  }
}

TEST_CASE("money is printed without exponents") {
  World world;
  world.configure(world.common_config() + World::shop_roles() +
                  "\n[rbac.roles.cheap]\nallowed_tools = []\nworkspace = \"shared\"\ncost_daily_limit_usd = 0.03\n"
                  "[[rbac.assignments]]\nsender = \"telegram:300\"\nrole = \"cheap\"\n");
  ProcessResult result = world.command({"explain", "telegram:300", "--json"});
  CHECK(contains(result.output, "\"cost_daily_limit_usd\":0.03"));
}

constexpr const char* kBuyerPolicy = R"(
[rbac.roles.buyer.policy]
allowed_actions = ["product:read:*"]
denied_resources = ["*recalled*"]
max_sensitivity_level = 1
)";

TEST_CASE("explain shows every layer of policy that binds a sender in a place") {
  World world;
  world.configure(world.common_config() + World::shop_roles() + kBuyerPolicy +
                  "\n[rbac.roles.owner.policy]\ndenied_actions = [\"*:write:*\"]\n"
                  "\n[[rbac.groups]]\nchat = \"telegram:-1001\"\nceiling = \"buyer\"\n");
  json::array layers = json_of(world.command({"explain", "telegram:100", "--chat", "telegram:-1001", "--json"}))
                           .at("policies")
                           .as_array();
  REQUIRE(layers.size() == 2);
  CHECK(layers[0].at("role") == "owner");
  CHECK(layers[0].at("policy").at("denied_actions") == json::array{"*:write:*"});
  CHECK(layers[1].at("role") == "buyer");
  CHECK(layers[1].at("policy").at("max_sensitivity_level") == 1);
  CHECK(json_of(world.command({"explain", "telegram:100", "--json"})).at("policies").as_array().size() == 1);
}

TEST_CASE("explain --action decides over all layers and names the rule, the pattern and the role") {
  World world;
  world.configure(world.common_config() + World::shop_roles() + kBuyerPolicy +
                  "\n[[rbac.groups]]\nchat = \"telegram:-1001\"\nceiling = \"buyer\"\n");
  auto decision = [&](std::vector<std::string> question) {
    question.insert(question.begin(), "explain");
    question.push_back("--json");
    return json::value(json_of(world.command(std::move(question))).at("decision"));
  };
  CHECK(decision({"telegram:200", "--action", "product:read:catalog", "--resource", "p1"}) ==
        json::value({{"allowed", true},
                     {"detail", "Action 'product:read:catalog' allowed: matched allow pattern 'product:read:*'"},
                     {"rule", "allowed"},
                     {"pattern", "product:read:*"},
                     {"role", "buyer"}}));
  CHECK(decision({"telegram:200", "--action", "product:read:catalog", "--resource", "a recalled lamp"}) ==
        json::value(
            {{"allowed", false},
             {"detail",
              "Action 'product:read:catalog' denied: resource 'a recalled lamp' matched deny pattern '*recalled*'"},
             {"rule", "denied_resources"},
             {"pattern", "*recalled*"},
             {"role", "buyer"}}));
  CHECK(decision({"telegram:200", "--action", "product:read:catalog", "--sensitivity", "2"}).at("detail") ==
        "Action 'product:read:catalog' denied: sensitivity 2 exceeds maximum 1");
  CHECK(decision({"telegram:100", "--action", "file:write:files"}).at("allowed") == true);
  CHECK(contains(json::serialize(decision({"telegram:100", "--action", "file:write:files"})), "has no policy"));
  json::value there = decision({"telegram:100", "--chat", "telegram:-1001", "--action", "file:write:files"});
  CHECK(there.at("allowed") == false);
  CHECK(there.at("role") == "buyer");
  for (const char* action : {"product", "product:read", "Product:read:catalog", "product:read:*", "a:b:c:d"}) {
    CAPTURE(action);
    ProcessResult result = world.command({"explain", "telegram:200", "--action", action, "--json"});
    CHECK(result.status == 1);
    CHECK(contains(result.errors, "domain:operation:resource"));
  }
}

TEST_CASE("explain --tool --args asks the whole gate about one call and shows what it would touch") {
  World world;
  world.configure(world.common_config() + World::shop_roles() + kBuyerPolicy);
  auto decision = [&](const std::string& tool, const std::string& arguments) {
    return json::value(
        json_of(world.command({"explain", "telegram:200", "--tool", tool, "--args", arguments, "--json"}))
            .at("decision"));
  };
  json::value allowed = decision("product_search", R"({"query":"lamp"})");
  CHECK(allowed.at("allowed") == true);
  CHECK(allowed.at("access") ==
        json::value({{"action", "product:read:catalog"}, {"resource", "lamp"}, {"sensitivity", 0}}));
  json::value denied = decision("product_search", R"({"query":"recalled lamp"})");
  CHECK(denied.at("detail") ==
        "Action 'product:read:catalog' denied: resource 'recalled lamp' matched deny pattern '*recalled*'");
  CHECK(denied.at("access").at("resource") == "recalled lamp");
  CHECK(denied.at("role") == "buyer");
  CHECK(contains(json::serialize(decision("product_search", R"({"limit":3})")), "'query' is required"));
  CHECK(contains(json::serialize(decision("file_write", R"({"path":"files/a","content":""})")), "allowed_tools"));
  for (const char* arguments : {"{", "[]", "5", "query=lamp"}) {
    CAPTURE(arguments);
    ProcessResult result =
        world.command({"explain", "telegram:200", "--tool", "product_search", "--args", arguments, "--json"});
    CHECK(result.status == 1);
    CHECK(contains(result.errors, "JSON object"));
  }
}

TEST_CASE("roles is a matrix of tools and roles, with the reason for every no") {
  World world;
  world.configure(world.common_config() + World::shop_roles() + kBuyerPolicy +
                  "\n[rbac.roles.clerk]\nautonomy = \"supervised\"\nallowed_tools = [\"*\"]\nworkspace = \"shared\"\n"
                  "policy.denied_actions = [\"memory:*\"]\n");
  ProcessResult text = world.command({"roles"});
  CHECK(text.status == 0);
  CHECK(contains(text.output, "tool              buyer  clerk  owner\n"));
  CHECK(contains(text.output, "product_search    yes    yes    yes\n"));
  CHECK(contains(text.output, "memory_store      no     no     yes\n"));
  CHECK(contains(text.output, "file_write        no     ask    yes\n"));
  CHECK(contains(text.output, "no: tool 'file_write' is not in allowed_tools of role 'buyer'\n"));
  CHECK(contains(text.output,
                 "no: tool 'memory_store' is denied by the policy of role 'clerk': none of its actions\n"
                 "      (memory:write:facts) is allowed\n"));
  std::size_t longest = 0, start = 0;
  for (std::size_t end = text.output.find('\n'); end != std::string::npos; end = text.output.find('\n', start)) {
    longest = std::max(longest, end - start);
    start = end + 1;
  }
  CHECK(longest <= 120);

  json::object listed = json_of(world.command({"roles", "--json"}));
  const json::value& roles = listed.at("tenants").at(0).at("roles");
  std::size_t seen = 0;
  for (const json::value& role : roles.as_array()) {
    for (const auto& [name, tool] : role.at("tools").as_object()) {
      ++seen;
      const bool is_yes = tool.at("answer") == "yes";
      CHECK(tool.at("allowed") == is_yes);
      CHECK(tool.at("reason").is_null() == is_yes);
    }
  }
  CHECK(seen == 3 * roles.at(0).at("tools").as_object().size());
  CHECK(roles.at(1).at("tools").at("file_write").at("answer") == "ask");
  CHECK(roles.at(1).at("tools").at("file_write").at("offered") == true);
  CHECK(roles.at(0).at("tools").at("memory_recall").at("offered") == false);
}

}  // namespace
}  // namespace usher::e2e
