// Policies of roles: what a context decides, and what a ceiling leaves of it.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <array>

#include "config_of.h"
#include "rbac/role.h"

namespace usher::rbac {
namespace {

using testing::config_of;

constexpr std::string_view kShop = R"([rbac]
default_role = "buyer"
[rbac.roles.buyer]
workspace = "shared"
[rbac.roles.buyer.policy]
allowed_actions = ["product:read:*"]
denied_resources = ["internal_*"]
max_sensitivity_level = 1
[rbac.roles.clerk]
workspace = "shared"
[rbac.roles.clerk.policy]
denied_actions = ["*:write:*"]
[rbac.roles.owner]
workspace = "shared"
[rbac.workspaces.shared]
path = "shared"
[[rbac.assignments]]
sender = "telegram:1"
role = "owner"
[[rbac.assignments]]
sender = "telegram:2"
role = "clerk"
[[rbac.groups]]
chat = "telegram:-100"
ceiling = "buyer"
[[rbac.groups]]
chat = "telegram:-200"
ceiling = "owner"
)";

const RoleResolver& shop() {
  static const RoleResolver kResolver(config_of(kShop));
  return kResolver;
}

std::shared_ptr<const RoleContext> seat(const std::string& id, const std::string& chat = "1") {
  auto context = shop().resolve({"default", "telegram", id}, {"telegram", chat, chat.starts_with('-')});
  REQUIRE(context);
  return *context;
}

// The sentence, or "no policy".
std::string say(const RoleContext& context, const policy::Request& request) {
  const std::optional<policy::Decision> decision = context.decide(request);
  return decision ? decision->detail : "no policy";
}

// A small world in which everything can be tried: few patterns over few actions, resources and levels.
const std::vector<std::string> kActionGlobs = {"*",   "a:*:*", "*:read:*", "a:read:x", "?:write:[xy]",
                                               "b:*", "*x",    "nothing"};
const std::vector<std::string> kResourceGlobs = {"*", "", "?", "in*", "[!i]*", "internal"};
const std::vector<std::string> kActions = {"a:read:x", "a:write:x", "b:read:y", "b:write:y", "a:read:z"};
const std::vector<std::string> kResources = {"", "i", "internal", "open"};

std::vector<std::string> some_of(const std::vector<std::string>& globs) {
  return *rc::gen::resize(4, rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(globs)));
}

std::optional<policy::PolicyDocument> arbitrary_policy() {
  if (*rc::gen::inRange(0, 4) == 0) return std::nullopt;
  policy::PolicyDocument document;
  document.allowed_actions = some_of(kActionGlobs);
  document.denied_actions = some_of(kActionGlobs);
  document.allowed_resources = some_of(kResourceGlobs);
  document.denied_resources = some_of(kResourceGlobs);
  document.max_sensitivity_level = *rc::gen::inRange(0, policy::kMaxSensitivity + 1);
  return document;
}

// Two roles; "telegram:1" has the first, and the second is the ceiling of chat -1.
std::shared_ptr<config::Config> arbitrary_config() {
  auto config = std::make_shared<config::Config>();
  config::Tenant& tenant = config->tenants["default"];
  tenant.name = "default";
  for (const char* name : {"own", "top"}) {
    config::Role& role = tenant.roles[name];
    role.name = name;
    role.policy = arbitrary_policy();
  }
  tenant.assignments.push_back({{"default", "telegram", "1"}, "own", {}});
  tenant.assignments.push_back({{"default", "telegram", "2"}, "top", {}});
  tenant.groups.push_back({"telegram", "-1", "top", {}});
  return config;
}

bool grants(const RoleContext& context, const policy::Request& request) {
  const std::optional<policy::Decision> decision = context.decide(request);
  return !decision || decision->allowed;
}

template <class Visit>
void for_each_request(Visit visit) {
  for (const std::string& action : kActions) {
    for (const std::string& resource : kResources) {
      for (int level = 0; level <= policy::kMaxSensitivity; ++level) visit(policy::Request{action, resource, level});
    }
  }
}

}  // namespace

TEST_CASE("the policy of a role is the one that its holders are bound by, and no tenant has another's") {
  const auto clerk = shop().policy_of("default", "clerk");
  REQUIRE(clerk);
  CHECK(*clerk == seat("2")->policies.front().policy);
  const auto owner = shop().policy_of("default", "owner");
  REQUIRE(owner);
  CHECK_FALSE(*owner);
  CHECK(shop().policy_of("default", "nobody").error().kind == ErrorKind::not_found);
  CHECK(shop().policy_of("other", "clerk").error().kind == ErrorKind::not_found);
}

TEST_CASE("a role with a policy decides by it, one without by none") {
  CHECK(seat("9")->policies.size() == 1);
  CHECK(seat("9")->policies[0].role == "buyer");
  CHECK(say(*seat("9"), {"product:read:catalog", "mug", 0}) ==
        "Action 'product:read:catalog' allowed: matched allow pattern 'product:read:*'");
  CHECK(say(*seat("9"), {"file:read:files", "", 0}) == "Action 'file:read:files' denied: matched no allow pattern");
  CHECK(say(*seat("9"), {"product:read:catalog", "internal_x", 0}) ==
        "Action 'product:read:catalog' denied: resource 'internal_x' matched deny pattern 'internal_*'");
  CHECK(say(*seat("9"), {"product:read:catalog", "", 2}) ==
        "Action 'product:read:catalog' denied: sensitivity 2 exceeds maximum 1");
  CHECK(seat("1")->policies.empty());
  CHECK(say(*seat("1"), {"file:write:files", "", 4}) == "no policy");
}

TEST_CASE("a ceiling's policy binds everybody there, after their own") {
  CHECK(say(*seat("1", "-100"), {"file:read:files", "", 0}) ==
        "Action 'file:read:files' denied: matched no allow pattern");
  const auto clerk = seat("2", "-100");
  REQUIRE(clerk->policies.size() == 2);
  CHECK(clerk->policies[0].role == "clerk");
  CHECK(clerk->policies[1].role == "buyer");
  CHECK(say(*clerk, {"product:write:catalog", "", 0}) ==
        "Action 'product:write:catalog' denied: matched deny pattern '*:write:*'");
  CHECK(clerk->deciding_layer({"product:write:catalog", "", 0})->role == "clerk");
  CHECK(clerk->deciding_layer({"product:read:catalog", "", 2})->role == "buyer");
  CHECK(clerk->deciding_layer({"product:read:catalog", "", 1})->role == "buyer");
}

TEST_CASE("a ceiling without a policy takes nothing away, and one's own role as ceiling is asked once") {
  CHECK(seat("2", "-200")->policies.size() == 1);
  CHECK(seat("2", "-200")->policies[0].role == "clerk");
  CHECK(seat("9", "-100")->policies.size() == 1);
}

TEST_CASE("everybody of a role shares the one compiled policy") {
  CHECK(seat("8")->policies[0].policy == seat("9")->policies[0].policy);
  CHECK(seat("1", "-100")->policies[0].policy == seat("9")->policies[0].policy);
}

TEST_CASE("the intersection grants exactly what both grant") {
  CHECK(rc::check([] {
    const RoleResolver resolver(arbitrary_config());
    const auto own = *resolver.resolve({"default", "telegram", "1"}, {"telegram", "1", false});
    const auto top = *resolver.resolve({"default", "telegram", "2"}, {"telegram", "2", false});
    const auto both = *resolver.resolve({"default", "telegram", "1"}, {"telegram", "-1", true});
    for_each_request([&](const policy::Request& request) {
      RC_ASSERT(grants(*both, request) == (grants(*own, request) && grants(*top, request)));
    });
  }));
}

TEST_CASE("a decision is the word of the first layer that denies, or of the last") {
  CHECK(rc::check([] {
    const RoleResolver resolver(arbitrary_config());
    const auto both = *resolver.resolve({"default", "telegram", "1"}, {"telegram", "-1", true});
    for_each_request([&](const policy::Request& request) {
      const std::optional<policy::Decision> decision = both->decide(request);
      RC_ASSERT(decision.has_value() == !both->policies.empty());
      if (!decision) return;
      const policy::Decision first = both->policies.front().policy->decide(request);
      const policy::Decision last = both->policies.back().policy->decide(request);
      RC_ASSERT(decision->detail == (first.allowed ? last.detail : first.detail));
      RC_ASSERT(decision->rule == (first.allowed ? last.rule : first.rule));
    });
  }));
}

TEST_CASE("a further tool layer that is no ceiling is not called one") {
  RoleContext context;
  context.tool_filters = {{"buyer", policy::GlobSet({"*"}), policy::GlobSet()},
                          {"buyer (subagent)", policy::GlobSet({"file_*"}), policy::GlobSet()}};
  CHECK(context.permits_tool("shell").detail == "tool 'shell' is not in allowed_tools of role 'buyer (subagent)'");
  CHECK(context.permits_tool("file_read").detail ==
        "tool 'file_read' is allowed by '*' in allowed_tools of role 'buyer' and by 'file_*' in allowed_tools of role "
        "'buyer (subagent)'");
}

}  // namespace usher::rbac
