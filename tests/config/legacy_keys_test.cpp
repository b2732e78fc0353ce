// [api] and [[api.legacy_keys]]: what they become and what is refused.
#include <sys/stat.h>

#include <fstream>

#include "config/refusals.h"
#include "support/temp_dir.h"

namespace usher::config::testing {
namespace {

constexpr std::string_view kRoles = R"([rbac]
default_role = "deny"
[rbac.workspaces.shared]
path = "shared"
[rbac.roles.buyer]
workspace = "shared"
[rbac.roles.buyer.policy]
max_sensitivity_level = 1
[rbac.roles.owner]
workspace = "shared"
[tenants.acme.rbac]
default_role = "deny"
[tenants.acme.rbac.workspaces.desk]
path = "acme"
[tenants.acme.rbac.roles.clerk]
workspace = "desk"
policy.allowed_actions = ["*:read:*"]
)";

Loaded with_api(std::string_view api) {
  return load_from(std::string(kRoles) + std::string(api), {{"ONE", "0123456789abcdef"}, {"TWO", "fedcba9876543210"}});
}

const Refusal kRefusals[] = {
    {"names, keys, tenants and roles that are missing or none",
     R"toml(
[agent]
senders = ["5"]
[[api.legacy_keys]]
[[api.legacy_keys]]
name = "a b"
key = "${KEY}"
role = "agnet"
[[api.legacy_keys]]
name = "c"
key = "has a space in it"
tenant = "acme"
role = "agent"
[[api.legacy_keys]]
name = "d"
key = "umlaut-ü-umlaut-ü"
role = "agent"
scope = "x")toml",
     R"(
config.toml:3:1: error: [[api.legacy_keys]] needs 'key'
config.toml:3:1: error: [[api.legacy_keys]] needs 'name'
config.toml:3:1: error: [[api.legacy_keys]] needs 'role'
config.toml:5:8: error: 'a b' is not a name; use 1 to 64 of A-Z a-z 0-9 _ -
config.toml:6:7: error: 'key' must be 16 or more visible ASCII characters
config.toml:7:8: error: unknown role 'agnet'; did you mean 'agent'?
config.toml:10:7: error: 'key' must be 16 or more visible ASCII characters
config.toml:11:10: error: unknown tenant 'acme'
config.toml:15:7: error: 'key' must be 16 or more visible ASCII characters
config.toml:16:8: warning: role 'agent' has no policy: whatever this key asks for is denied
config.toml:17:1: error: unknown key 'scope' in [[api.legacy_keys]])"},
    {"[api] of other shapes",
     R"toml(
[api]
legacy_keys_skip_rbac = "yes"
legacy_key = []
[api.legacy_keys]
name = "a")toml",
     R"(
config.toml:2:25: error: 'legacy_keys_skip_rbac' must be true or false, not a string
config.toml:3:1: error: unknown key 'legacy_key' in [api]; did you mean 'legacy_keys'?
config.toml:4:1: error: 'legacy_keys' must be a list of tables, not a table; write [[api.legacy_keys]])"},
};

}  // namespace

TEST_CASE("without [api] there is no key, and none skips anything") {
  const Loaded loaded = load_from("");
  CHECK(loaded.config->api.legacy_keys.empty());
  CHECK_FALSE(loaded.config->api.legacy_keys_skip_rbac);
}

TEST_CASE("a key holds a role of its tenant") {
  const Loaded loaded = with_api(R"([[api.legacy_keys]]
name = "cron"
key = "${ONE}"
role = "buyer"
[[api.legacy_keys]]
name = "desk"
key = "${TWO}"
tenant = "acme"
role = "clerk"
)");
  REQUIRE_MESSAGE(loaded.config, joined(loaded.problems));
  CHECK(loaded.problems.empty());
  const std::vector<LegacyKey>& keys = loaded.config->api.legacy_keys;
  REQUIRE(keys.size() == 2);
  CHECK(keys[0].name == "cron");
  CHECK(keys[0].key == Secret("0123456789abcdef"));
  CHECK(keys[0].tenant == "default");
  CHECK(keys[0].role == "buyer");
  CHECK(keys[1].tenant == "acme");
  CHECK(keys[1].source.line == 22);
}

TEST_CASE("a key cannot hold another tenant's role") {
  const std::string key = "[[api.legacy_keys]]\nname = \"a\"\nkey = \"${ONE}\"\n";
  CHECK(joined(with_api(key + "role = \"clerk\"\n").problems) == "config.toml:21:8: error: unknown role 'clerk'\n");
  CHECK(joined(with_api(key + "tenant = \"acme\"\nrole = \"buyer\"\n").problems) ==
        "config.toml:22:8: error: unknown role 'buyer'\n");
}

TEST_CASE("two keys share neither name nor value") {
  const std::string problems =
      joined(with_api("[[api.legacy_keys]]\nname = \"a\"\nkey = \"${ONE}\"\nrole = \"buyer\"\n"
                      "[[api.legacy_keys]]\nname = \"a\"\nkey = \"${ONE}\"\nrole = \"buyer\"\n")
                 .problems);
  CHECK(problems ==
        "config.toml:23:8: error: two legacy keys are called 'a'\n"
        "config.toml:24:7: error: 'key' is that of legacy key 'a' too\n");
}

TEST_CASE("a role may be left out only where keys skip the policy") {
  const std::string key = "[[api.legacy_keys]]\nname = \"a\"\nkey = \"${ONE}\"\n";
  CHECK(joined(with_api(key).problems) == "config.toml:18:1: error: [[api.legacy_keys]] needs 'role'\n");
  const Loaded skipping = with_api("[api]\nlegacy_keys_skip_rbac = true\n" + key);
  REQUIRE_MESSAGE(skipping.config, joined(skipping.problems));
  CHECK(skipping.config->api.legacy_keys_skip_rbac);
  CHECK(skipping.config->api.legacy_keys.at(0).role.empty());
  CHECK(joined(with_api("[api]\nlegacy_keys_skip_rbac = true\n" + key + "role = \"byer\"\n").problems) ==
        "config.toml:23:8: error: unknown role 'byer'; did you mean 'buyer'?\n");
}

TEST_CASE("a role without a policy binds a key to nothing, which is a warning") {
  CHECK(joined(with_api("[[api.legacy_keys]]\nname = \"a\"\nkey = \"${ONE}\"\nrole = \"owner\"\n").problems) ==
        "config.toml:21:8: warning: role 'owner' has no policy: whatever this key asks for is denied\n");
}

TEST_CASE("a key that stands in a file that others can read is refused") {
  const usher::testing::TempDir dir;
  const auto problems =
      [&](const std::string& key, mode_t mode) {
        std::ofstream(dir / "config.toml")
            << "[api]\nlegacy_keys_skip_rbac = true\n[[api.legacy_keys]]\nname = \"a\"\nkey = \"" << key << "\"\n";
        ::chmod((dir / "config.toml").c_str(), mode);
        return joined(load(dir / "config.toml", from({{"ONE", "0123456789abcdef"}})).problems);
      };
  CHECK(problems("0123456789abcdef", 0640).contains("config.toml:5:7: error: 'key' is a secret in a file that others"));
  CHECK(problems("0123456789abcdef", 0600) == "");
  CHECK(problems("${ONE}", 0644) == "");
}

TEST_CASE("every mistake in legacy keys is refused with its place and its remedy") { check_refusals(kRefusals); }

}  // namespace usher::config::testing
