// [rbac.roles.<name>.policy]: what it becomes, what it refuses and what it warns of.
#include <algorithm>

#include "config/refusals.h"

namespace usher::config::testing {
namespace {

constexpr std::string_view kShop = R"([rbac]
default_role = "buyer"
[rbac.workspaces.shared]
path = "shared"
[rbac.roles.owner]
workspace = "shared"
[rbac.roles.buyer]
workspace = "shared"
)";

Loaded with_policy(std::string_view policy) { return load_from(std::string(kShop) + std::string(policy)); }

policy::PolicyDocument document_of(std::string_view policy) {
  const Loaded loaded = with_policy(policy);
  CAPTURE(joined(loaded.problems));
  REQUIRE(loaded.config);
  const std::optional<policy::PolicyDocument>& found = loaded.config->tenants.at("default").roles.at("buyer").policy;
  REQUIRE(found);
  return *found;
}

// Whether an allow pattern is warned of as matching no action at all.
bool is_vain(const std::string& pattern) {
  const Loaded loaded = with_policy("policy.allowed_actions = ['" + pattern + "']\n");
  REQUIRE(loaded.config);
  return joined(loaded.problems).contains("matches no action");
}

const Refusal kRefusals[] = {
    {"patterns and levels out of bounds",
     R"toml(
[rbac]
default_role = "deny"
[rbac.workspaces.shared]
path = "shared"
[rbac.roles.buyer]
workspace = "shared"
[rbac.roles.buyer.policy]
allowed_actions = ["product:read:*", "a\tb"]
denied_resources = ["x", 7]
allowed_resources = "*"
max_sensitivity_level = 5)toml",
     R"(
config.toml:8:38: error: 'allowed_actions' holds a control character
config.toml:9:26: error: 'denied_resources' must be a list of strings; this is a whole number
config.toml:10:21: error: 'allowed_resources' must be a list of strings, not a string
config.toml:11:25: error: 'max_sensitivity_level' must be from 0 to 4)"},
    {"a near miss, a negative level and one that is no number",
     R"toml(
[rbac]
default_role = "deny"
[rbac.workspaces.shared]
path = "shared"
[rbac.roles.buyer]
workspace = "shared"
[rbac.roles.buyer.policy]
allow_actions = []
max_sensitivity_level = -1
[rbac.roles.owner]
workspace = "shared"
policy.max_sensitivity_level = "high")toml",
     R"(
config.toml:8:1: error: unknown key 'allow_actions' in [rbac.roles.buyer.policy]; did you mean 'allowed_actions'?
config.toml:9:25: error: 'max_sensitivity_level' must not be negative
config.toml:12:32: error: 'max_sensitivity_level' must be a whole number, not a string)"},
    {"a policy that is no table",
     R"toml(
[rbac]
default_role = "deny"
[rbac.workspaces.shared]
path = "shared"
[rbac.roles.buyer]
workspace = "shared"
policy = ["product:read:*"])toml",
     R"(
config.toml:7:10: error: 'policy' must be a table, not a list; write [rbac.roles.buyer.policy])"},
};

}  // namespace

TEST_CASE("a policy is read whole, in its order") {
  const policy::PolicyDocument document = document_of(R"([rbac.roles.buyer.policy]
allowed_actions = ["web:*:*", "product:read:*"]
denied_actions = ["*:write:*"]
allowed_resources = ["*", ""]
denied_resources = ["internal_*"]
max_sensitivity_level = 1
)");
  CHECK(document.allowed_actions == std::vector<std::string>{"web:*:*", "product:read:*"});
  CHECK(document.denied_actions == std::vector<std::string>{"*:write:*"});
  CHECK(document.allowed_resources == std::vector<std::string>{"*", ""});
  CHECK(document.denied_resources == std::vector<std::string>{"internal_*"});
  CHECK(document.max_sensitivity_level == 1);
  CHECK(policy::check(document));
}

TEST_CASE("what a policy does not write is the default, and a role without one has none") {
  CHECK(document_of("[rbac.roles.buyer.policy]\n") == policy::PolicyDocument());
  const Loaded loaded = with_policy("[rbac.roles.buyer.policy]\n");
  CHECK_FALSE(loaded.config->tenants.at("default").roles.at("owner").policy);
}

TEST_CASE("an explicit empty list is empty and not the default") {
  const policy::PolicyDocument document =
      document_of("policy.allowed_actions = []\npolicy.allowed_resources = []\npolicy.max_sensitivity_level = 0\n");
  CHECK(document.allowed_actions.empty());
  CHECK(document.allowed_resources.empty());
  CHECK(document.max_sensitivity_level == 0);
}

TEST_CASE("an action pattern that no action can match is a warning where it stands, in both lists") {
  const Loaded loaded = with_policy(
      "[rbac.roles.buyer.policy]\nallowed_actions = [\"product:read:*\", \"product.read\"]\n"
      "denied_actions = [\"Product:*\"]\nallowed_resources = [\"no action either\"]\n");
  CHECK(loaded.config);
  CHECK(joined(loaded.problems) ==
        "config.toml:10:38: warning: 'product.read' in allowed_actions matches no action; an action is "
        "domain:operation:resource, like 'product:read:catalog'\n"
        "config.toml:11:19: warning: 'Product:*' in denied_actions matches no action; an action is "
        "domain:operation:resource, like 'product:read:catalog'\n");
}

TEST_CASE("the warning is exact: whatever some action matches is not warned of") {
  for (const char* pattern : {"*", "*:*:*", "a:b:c", "a*c", "?:?:?", "*:read:*", "product:*", "[a-z]*", "[!b]:x1_:y.z",
                              "*.", "a**b:c:d", "*:*", "[:a]*"}) {
    CAPTURE(pattern);
    CHECK_FALSE(is_vain(pattern));
  }
  for (const char* pattern : {"", "a", "a:b", "a:b:", ":b:c", "A:*", "a b:*", "a:b:c:d", "*:*:*:*", "?", "a.b:c:*",
                              "1*", "[z-a]*", "_:*", "*:.*:c", "a:b:ü*", "*-*", "[A-Z]:*:*"}) {
    CAPTURE(pattern);
    CHECK(is_vain(pattern));
  }
  const std::string longest(254, 'b');
  CHECK_FALSE(is_vain("a:" + longest.substr(2) + ":c"));
  CHECK(is_vain("a:" + longest + ":c"));
  CHECK(is_vain("a:" + std::string(600, '?') + ":c"));
}

TEST_CASE("a pattern longer than a policy may hold is refused where it stands; many patterns are fine") {
  const std::string longest(policy::kMaxPatternBytes, 'x');
  CHECK(joined(with_policy("policy.denied_resources = [\"" + longest + "\", \"" + longest + "y\"]\n").problems) ==
        "config.toml:9:" + std::to_string(28 + 4 + longest.size()) +
            ": error: 'denied_resources' is longer than 1024 bytes\n");
  std::string many;
  for (int i = 0; i < 5000; ++i) many += "\"*:*:r" + std::to_string(i) + "\", ";
  CHECK(document_of("policy.denied_actions = [" + many + "]\n").denied_actions.size() == 5000);
}

TEST_CASE("more patterns than a policy may hold, in one list or in all together, are refused") {
  std::string many;
  for (std::size_t i = 0; i < policy::kMaxPatterns / 2 + 1; ++i) many += "\"*\",";
  CHECK(joined(with_policy("policy.denied_actions = [" + many + many + "]\n").problems) ==
        "config.toml:9:25: error: 'denied_actions' has more than 20000 entries\n");
  const Loaded loaded =
      with_policy("policy.denied_actions = [" + many + "]\npolicy.denied_resources = [" + many + "]\n");
  CHECK_FALSE(loaded.config);
  CHECK(joined(loaded.problems) == "config.toml:9:1: error: a policy of 20004 patterns; 20000 are allowed\n");
}

TEST_CASE("a looked-up pattern counts, and is not shown") {
  const std::string text = std::string(kShop) + "policy.allowed_actions = [\"${SCOPE}\"]\n";
  CHECK(load_from(text, {{"SCOPE", "product:read:*"}})
            .config->tenants.at("default")
            .roles.at("buyer")
            .policy->allowed_actions.at(0) == "product:read:*");
  const std::string problems = joined(load_from(text, {{"SCOPE", "hidden words"}}).problems);
  CHECK(problems.contains("'${SCOPE}' in allowed_actions matches no action"));
  CHECK_FALSE(problems.contains("hidden"));
}

TEST_CASE("every mistake in a policy is refused with its place and its remedy") { check_refusals(kRefusals); }

}  // namespace usher::config::testing
