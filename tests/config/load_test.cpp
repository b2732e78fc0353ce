// What a good file becomes: defaults, values, encodings, the implicit role, tenants.
#include "config/load.h"

#include <doctest/doctest.h>

#include "config/support.h"

namespace usher::config::testing {
namespace {

constexpr std::string_view kTwoRoles = R"([rbac]
default_role = "buyer"
[rbac.roles.buyer]
workspace = "shared"
[rbac.roles.owner]
workspace = "shared"
autonomy = "full"
allowed_tools = ["*"]
denied_tools = ["file_*"]
memory_isolation = false
rag_access = ["public", "internal"]
rate_limit_per_minute = 0
rate_limit_per_minute_total = 600
cost_daily_limit_usd = 0.5
cost_daily_limit_usd_total = 25
approval = "role:owner"
[rbac.workspaces.shared]
path = "rooms/shared/"
[[rbac.assignments]]
sender = 123
role = "owner"
[[rbac.assignments]]
sender = "1098765432109876543"
role = "owner"
[[rbac.assignments]]
discord_role = "77"
guild = "88"
role = "owner"
[[rbac.groups]]
chat = "telegram:-1001234567890"
ceiling = "buyer"
)";

Loaded good(std::string_view text, Variables variables = {}) {
  Loaded loaded = load_from(text, std::move(variables));
  CAPTURE(joined(loaded.problems));
  REQUIRE(loaded.config);
  return loaded;
}

}  // namespace

TEST_CASE("an empty file is a config that nobody can write to") {
  const Loaded loaded = good("");
  const Config& config = *loaded.config;
  CHECK(loaded.problems.empty());
  CHECK(config.gateway.data_dir == config.file.parent_path() / "data");
  CHECK(config.gateway.workspaces_dir == config.file.parent_path() / "workspaces");
  CHECK(config.gateway.shutdown_grace == std::chrono::seconds(20));
  CHECK(config.agent.max_iterations == 10);
  CHECK(config.agent.history_messages == 50);
  CHECK(config.agent.turn_timeout == std::chrono::seconds(300));
  CHECK(config.providers.at("demo").kind == ProviderKind::demo);
  CHECK(config.models.at("default").free);
  const Tenant& tenant = config.tenants.at("default");
  CHECK(tenant.is_implicit);
  CHECK_FALSE(tenant.default_role);
  CHECK(tenant.assignments.empty());
  CHECK(tenant.roles.at("agent").allowed_tools.empty());
  CHECK(tenant.roles.at("agent").workspace == "shared");
  CHECK_FALSE(config.console.enabled);
}

TEST_CASE("a role is read with every key, and absent limits stay absent") {
  const Loaded loaded = good(kTwoRoles);
  const Tenant& tenant = loaded.config->tenants.at("default");
  const Role& owner = tenant.roles.at("owner");
  CHECK(tenant.default_role == "buyer");
  CHECK(owner.autonomy == Autonomy::full);
  CHECK(owner.denied_tools == std::vector<std::string>{"file_*"});
  CHECK_FALSE(owner.memory_isolation);
  CHECK(owner.rag_access.size() == 2);
  CHECK(owner.limits.per_minute == 0);
  CHECK(owner.limits.per_minute_total == 600);
  CHECK(owner.limits.daily_cost == MicroUsd{500'000});
  CHECK(owner.limits.daily_cost_total == MicroUsd{25'000'000});
  CHECK(owner.approval == "role:owner");
  const Role& buyer = tenant.roles.at("buyer");
  CHECK(buyer.autonomy == Autonomy::readonly);
  CHECK(buyer.allowed_tools.empty());
  CHECK(buyer.memory_isolation);
  CHECK_FALSE(buyer.limits.per_minute);
  CHECK_FALSE(buyer.limits.daily_cost_total);
  CHECK(buyer.approval == "self");
  CHECK(tenant.workspaces.at("shared").path == loaded.config->gateway.workspaces_dir / "rooms/shared");
}

TEST_CASE("assignments keep their order and lines; a bare number is told apart by its size") {
  const Loaded loaded = good(kTwoRoles);
  const Tenant& tenant = loaded.config->tenants.at("default");
  REQUIRE(tenant.assignments.size() == 2);
  CHECK(tenant.assignments[0].sender == Sender{"default", "telegram", "123"});
  CHECK(tenant.assignments[0].source.line == 19);
  CHECK(tenant.assignments[1].sender == Sender{"default", "discord", "1098765432109876543"});
  REQUIRE(tenant.platform_assignments.size() == 1);
  CHECK(tenant.platform_assignments[0].platform_role == "77");
  CHECK(tenant.platform_assignments[0].guild == "88");
  REQUIRE(tenant.groups.size() == 1);
  CHECK(tenant.groups[0].chat == "-1001234567890");
}

TEST_CASE("a byte order mark and CRLF change nothing") {
  std::string crlf = "\xEF\xBB\xBF";
  for (const char c : kTwoRoles) crlf += c == '\n' ? "\r\n" : std::string(1, c);
  const Loaded loaded = good(crlf);
  CHECK(loaded.config->tenants.at("default").assignments[0].source.line == 19);
  const Loaded bad = load_from("\xEF\xBB\xBF[agent]\r\nmax_iteration = 3\r\n");
  CHECK(joined(bad.problems) ==
        "config.toml:2:1: error: unknown key 'max_iteration' in [agent]; did you mean 'max_iterations'?\n");
}

TEST_CASE("without [rbac] one role is built from [agent]") {
  const Loaded loaded = good(R"([agent]
autonomy = "supervised"
allowed_tools = ["memory_*"]
denied_tools = ["memory_forget"]
workspace = "rooms/desk"
memory_isolation = false
rag_access = ["*"]
rate_limit_per_minute = 5
senders = ["5", "console:local", 5]
)");
  const Tenant& tenant = loaded.config->tenants.at("default");
  const Role& role = tenant.roles.at("agent");
  CHECK(role.autonomy == Autonomy::supervised);
  CHECK(role.denied_tools == std::vector<std::string>{"memory_forget"});
  CHECK_FALSE(role.memory_isolation);
  CHECK(role.limits.per_minute == 5);
  CHECK(tenant.workspaces.at(role.workspace).path == loaded.config->gateway.workspaces_dir / "rooms/desk");
  CHECK_FALSE(tenant.default_role);
  REQUIRE(tenant.assignments.size() == 2);
  CHECK(tenant.assignments[1].sender == Sender{"default", "console", "local"});
}

TEST_CASE("senders = [\"*\"] lets everybody in, and nothing else does") {
  CHECK(good("agent.senders = [\"*\"]").config->tenants.at("default").default_role == "agent");
  CHECK_FALSE(good("agent.senders = []").config->tenants.at("default").default_role);
}

TEST_CASE("the role keys of [agent] rest while [rbac] exists, and come back when it is removed") {
  const std::string agent = "[agent]\nmax_iterations = 3\nsenders = [\"*\"]\nallowed_tools = [\"x\"]\n";
  const Loaded both = good(agent + std::string(kTwoRoles));
  CHECK(joined(both.problems) ==
        "config.toml:3:11: warning: 'senders' in [agent] is not used while [rbac] exists\n"
        "config.toml:4:17: warning: 'allowed_tools' in [agent] is not used while [rbac] exists\n");
  CHECK_FALSE(both.config->tenants.at("default").roles.contains("agent"));
  CHECK(both.config->agent.max_iterations == 3);
  CHECK(good(agent).config->tenants.at("default").roles.contains("agent"));
}

TEST_CASE("each tenant has roles, workspaces and people of its own; the same folder may serve two tenants") {
  const Loaded loaded = good(std::string(kTwoRoles) + R"([tenants.acme.rbac]
default_role = "deny"
[tenants.acme.rbac.roles.clerk]
workspace = "desk"
[tenants.acme.rbac.workspaces.desk]
path = "rooms/shared"
[[tenants.acme.rbac.assignments]]
sender = "123"
role = "clerk"
[[channels.telegram]]
name = "acme-bot"
tenant = "acme"
token = "${ACME}"
)",
                             {{"ACME", "5:abc"}});
  const Tenant& acme = loaded.config->tenants.at("acme");
  CHECK_FALSE(acme.default_role);
  CHECK(acme.assignments.at(0).sender == Sender{"acme", "telegram", "123"});
  CHECK_FALSE(acme.roles.contains("buyer"));
  CHECK_FALSE(loaded.config->tenants.at("default").roles.contains("clerk"));
  CHECK(loaded.config->telegram.at(0).tenant == "acme");
}

TEST_CASE("a tenant cannot use another tenant's role") {
  const Loaded loaded = load_from(std::string(kTwoRoles) + "[tenants.acme.rbac]\ndefault_role = \"buyer\"\n");
  CHECK(joined(loaded.problems) == "config.toml:33:16: error: unknown role 'buyer'\n");
}

TEST_CASE("providers, models and channels are read") {
  const Loaded loaded = good(R"([gateway]
listen = "[::1]:9000"
timezone = "Europe/Berlin"
log_level = "debug"
log_format = "json"
data_dir = "/var/lib/usher/"
[providers.main]
kind = "openai"
base_url = "https://llm.example.org:8443/v1/"
api_key = "${KEY}"
timeout_s = 30
[models.default]
provider = "main"
model = "large"
input_usd_per_mtok = 2.5
output_usd_per_mtok = 10
context_tokens = 128000
max_output_tokens = 4096
fallback = ["spare"]
[models.spare]
provider = "main"
model = "small"
free = true
[agent]
senders = ["*"]
cost_daily_limit_usd = 1
[[channels.telegram]]
token = "${TOKEN}"
mode = "poll"
groups = "all"
[channels.console]
enabled = true
)",
                             {{"KEY", "sk-abc"}, {"TOKEN", "1:abc"}});
  CHECK(loaded.problems.empty());
  const Config& config = *loaded.config;
  CHECK(config.gateway.data_dir == "/var/lib/usher");
  CHECK(config.gateway.log_format == LogFormat::json);
  CHECK(config.providers.at("main").base_url == "https://llm.example.org:8443/v1");
  CHECK(config.providers.at("main").api_key == Secret("sk-abc"));
  const Model& model = config.models.at("default");
  CHECK(model.input_per_mtok == MicroUsd{2'500'000});
  CHECK(model.cached_input_per_mtok == MicroUsd{2'500'000});
  CHECK(model.fallback == std::vector<std::string>{"spare"});
  CHECK_FALSE(config.models.at("spare").input_per_mtok);
  CHECK(config.telegram.at(0).name == "telegram");
  CHECK(config.telegram.at(0).groups == GroupMode::all);
  CHECK(config.telegram.at(0).api_root == "https://api.telegram.org");
  CHECK(config.console.enabled);
}

TEST_CASE("what is legal but rarely meant is a warning with a place") {
  CHECK(joined(good("[channels.console]\nenabled = true\n").problems) ==
        "config.toml:1:1: warning: nobody may write here: there is no [rbac], and 'senders' in [agent] is empty\n");
  CHECK(joined(good("[providers.a]\nkind = \"openai\"\nbase_url = \"http://llm.example.org/v1\"\napi_key = \"${K}\"\n"
                    "[models.default]\nprovider = \"a\"\nmodel = \"m\"\n",
                    {{"K", "sk-abc"}})
                   .problems) ==
        "config.toml:3:12: warning: 'base_url' is plain http: the secret travels unencrypted\n");
  const std::string twice =
      std::string(kTwoRoles) + "[[rbac.assignments]]\nsender = \"telegram:123\"\nrole = \"owner\"\n";
  CHECK(joined(good(twice).problems) ==
        "config.toml:33:10: warning: sender 'telegram:123' is assigned already in line 19\n");
}

TEST_CASE("every problem of a file is told at once, in its order") {
  const Loaded loaded = load_from(R"([channels.console]
tenant = "acme"
[rbac]
default_role = "x"
[gateway]
log_level = "loud"
[models.default]
provider = "y"
nonsense = 1
)");
  CHECK(joined(loaded.problems) ==
        "config.toml:2:10: error: unknown tenant 'acme'\n"
        "config.toml:4:16: error: unknown role 'x'\n"
        "config.toml:6:13: error: unknown log_level 'loud'; it is one of trace, debug, info, warn, error, off\n"
        "config.toml:8:12: error: unknown provider 'y'\n"
        "config.toml:9:1: error: unknown key 'nonsense' in [models.default]\n");
}

TEST_CASE("a glob that answers to no tool is a warning where it was written") {
  const Loaded loaded = good(R"([agent]
senders = ["*"]
allowed_tools = ["file_*", "web_*", "file_raed", "*"]
denied_tools = ["shell"]
)");
  const std::vector<std::string> tools = {"file_read", "file_list"};
  CHECK(joined(unmatched_tool_globs(*loaded.config, tools)) ==
        "config.toml:3:28: warning: 'web_*' in allowed_tools of role 'agent' matches no tool\n"
        "config.toml:3:37: warning: 'file_raed' in allowed_tools of role 'agent' matches no tool; did you mean "
        "'file_read'?\n"
        "config.toml:4:17: warning: 'shell' in denied_tools of role 'agent' matches no tool\n");
}

}  // namespace usher::config::testing
