// Refusals: roles, limits and workspaces. Each file with the exact lines that it earns.
#include "config/refusals.h"

namespace usher::config::testing {
namespace {

const Refusal kRefusals[] = {
    {"an unknown default role",
     R"toml(
[rbac]
default_role = "byer"
[rbac.roles.buyer]
workspace = "shared"
[rbac.workspaces.shared]
path = "shared")toml",
     R"(
config.toml:2:16: error: unknown role 'byer'; did you mean 'buyer'?)"},
    {"[rbac] without default_role",
     R"toml(
[rbac])toml",
     R"(
config.toml:1:1: error: [rbac] needs 'default_role': a role, or "deny" to turn unknown senders away)"},
    {"a role called deny",
     R"toml(
[rbac]
default_role = "deny"
[rbac.roles.deny]
workspace = "shared"
[rbac.workspaces.shared]
path = "shared")toml",
     R"(
config.toml:3:13: error: a role cannot be called 'deny': default_role = "deny" means no role)"},
    {"names that are no names",
     R"toml(
[rbac]
default_role = "deny"
[rbac.roles."../x"]
workspace = "w"
[rbac.workspaces."a b"]
path = "w"
[tenants.""])toml",
     R"(
config.toml:3:13: error: '../x' is not a name; use 1 to 64 of A-Z a-z 0-9 _ -
config.toml:5:18: error: 'a b' is not a name; use 1 to 64 of A-Z a-z 0-9 _ -
config.toml:7:10: error: '' is not a name; use 1 to 64 of A-Z a-z 0-9 _ -)"},
    {"unknown workspaces, roles and approvals",
     R"toml(
[rbac]
default_role = "deny"
[rbac.workspaces.shared]
path = "shared"
[rbac.roles.buyer]
workspace = "shard"
approval = "role:ownr"
[rbac.roles.owner]
approval = "owner"
[rbac.workspaces.dev]
[[rbac.assignments]]
sender = "123"
role = "owners"
[[rbac.groups]]
chat = "telegram:-1"
ceiling = "bayer")toml",
     R"(
config.toml:6:13: error: unknown workspace 'shard'; did you mean 'shared'?
config.toml:7:12: error: unknown role 'ownr'; did you mean 'owner'?
config.toml:8:1: error: [rbac.roles.owner] needs 'workspace'
config.toml:9:12: error: unknown approval 'owner'; it is 'self' or 'role:<name>'
config.toml:10:1: error: [rbac.workspaces.dev] needs 'path'
config.toml:13:8: error: unknown role 'owners'; did you mean 'owner'?
config.toml:16:11: error: unknown role 'bayer'; did you mean 'buyer'?)"},
    {"limits that are negative, NaN, infinite or no whole number",
     R"toml(
[rbac]
default_role = "deny"
[rbac.workspaces.shared]
path = "shared"
[rbac.roles.buyer]
workspace = "shared"
rate_limit_per_minute = -1
rate_limit_per_minute_total = 1.5
cost_daily_limit_usd = nan
cost_daily_limit_usd_total = -inf
[rbac.roles.owner]
workspace = "shared"
cost_daily_limit_usd = -0.01
cost_daily_limit_usd_total = "1")toml",
     R"(
config.toml:7:25: error: 'rate_limit_per_minute' must not be negative
config.toml:8:31: error: 'rate_limit_per_minute_total' must be a whole number, not a decimal number
config.toml:9:24: error: 'cost_daily_limit_usd' must be a number, not NaN
config.toml:10:30: error: 'cost_daily_limit_usd_total' must be finite
config.toml:13:24: error: 'cost_daily_limit_usd' must not be negative
config.toml:14:30: error: 'cost_daily_limit_usd_total' must be a number, not a string)"},
    {"collections that are none",
     R"toml(
[rbac]
default_role = "deny"
[rbac.workspaces.shared]
path = "shared"
[rbac.roles.buyer]
workspace = "shared"
rag_access = ["Public", "../x", "*", ""])toml",
     R"(
config.toml:7:15: error: 'Public' is not a collection; use a-z 0-9 _ -, or '*' alone for all
config.toml:7:25: error: '../x' is not a collection; use a-z 0-9 _ -, or '*' alone for all
config.toml:7:38: error: 'rag_access' must not be empty)"},
    {"paths that leave their root",
     R"toml(
[rbac]
default_role = "deny"
[rbac.workspaces.a]
path = "../shared"
[rbac.workspaces.b]
path = "/etc"
[rbac.workspaces.c]
path = "x/../y"
[rbac.workspaces.d]
path = "."
[rbac.workspaces.e]
path = "knowledge/public")toml",
     R"(
config.toml:4:8: error: workspace path '../shared' must not hold '..'
config.toml:6:8: error: workspace path '/etc' is outside of 'workspaces_dir'
config.toml:8:8: error: workspace path 'x/../y' must not hold '..'
config.toml:10:8: error: workspace path '.' is 'workspaces_dir' itself; name a folder in it
config.toml:12:8: error: workspace path 'knowledge/public' is where the knowledge collections are; name another folder)"},
    {"workspaces within each other or the same",
     R"toml(
[rbac]
default_role = "deny"
[rbac.workspaces.inner]
path = "shop/inner"
[rbac.workspaces.shop]
path = "shop"
[rbac.workspaces.twin]
path = "shop/"
[rbac.workspaces.shopping]
path = "shop-ping")toml",
     R"(
config.toml:6:8: error: workspace 'shop' encloses workspace 'inner' of line 4
config.toml:8:8: error: workspace 'twin' encloses workspace 'inner' of line 4
config.toml:8:8: error: workspace 'twin' is the same folder as workspace 'shop' of line 6)"},
    {"workspaces within another tenant's",
     R"toml(
[rbac]
default_role = "deny"
[rbac.workspaces.shared]
path = "shared"
[tenants.acme.rbac]
default_role = "deny"
[tenants.acme.rbac.workspaces.a]
path = "shared/acme"
[tenants.acme.rbac.workspaces.b]
path = "b")toml",
     R"(
config.toml:8:8: error: workspace 'a' lies within workspace 'shared' of line 4)"},
    {"a workspace among the data of its tenant",
     R"toml(
[gateway]
workspaces_dir = "data/default"
[rbac]
default_role = "deny"
[rbac.roles.buyer]
workspace = "shared"
[rbac.workspaces.shared]
path = "shared")toml",
     R"(
config.toml:8:8: error: workspace 'shared' lies within the data of tenant 'default')"},
};

}  // namespace

TEST_CASE("every mistake in roles, limits and workspaces is refused with its place and its remedy") {
  check_refusals(kRefusals);
}

}  // namespace usher::config::testing
