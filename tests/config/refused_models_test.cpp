// Refusals: providers and models. Each file with the exact lines that it earns.
#include "config/refusals.h"

namespace usher::config::testing {
namespace {

const Refusal kRefusals[] = {
    {"an unknown provider",
     R"toml(
[providers.openai]
kind = "openai"
base_url = "https://api.openai.com/v1"
[models.default]
provider = "opnai"
model = "m"
free = true)toml",
     R"(
config.toml:5:12: error: unknown provider 'opnai'; did you mean 'openai'?)"},
    {"an unknown kind, a missing kind",
     R"toml(
[providers.a]
kind = "opena"
[providers.b]
[models.default]
provider = "a")toml",
     R"(
config.toml:2:8: error: unknown kind 'opena'; it is one of openai, demo; did you mean 'openai'?
config.toml:3:1: error: [providers.b] needs 'kind')"},
    {"keys that the demo does not have",
     R"toml(
[providers.demo]
kind = "demo"
base_url = "https://x"
api_key = "${KEY}"
[models.default]
provider = "demo")toml",
     R"(
config.toml:3:12: error: 'base_url' means nothing for a provider of kind 'demo'
config.toml:4:11: error: 'api_key' means nothing for a provider of kind 'demo')"},
    {"URLs that are none or hold a password",
     R"toml(
[providers.a]
kind = "openai"
base_url = "ftp://x"
[providers.b]
kind = "openai"
base_url = "https://me:secret@x"
[providers.c]
kind = "openai"
base_url = "https://x/v1?key=1"
[providers.d]
kind = "openai"
base_url = "https://x:99999"
[providers.e]
kind = "openai"
[models.default]
provider = "e"
model = "m")toml",
     R"(
config.toml:3:12: error: 'base_url' must start with https:// or http://
config.toml:6:12: error: 'base_url' must not hold a user or password
config.toml:9:12: error: 'base_url' must not have a query or fragment
config.toml:12:12: error: 'base_url' is not a valid URL
config.toml:13:1: error: [providers.e] needs 'base_url')"},
    {"a model without provider or model",
     R"toml(
[providers.a]
kind = "openai"
base_url = "http://localhost:11434/v1"
[models.default]
model = "m"
[models.other]
provider = "a")toml",
     R"(
config.toml:4:1: error: [models.default] needs 'provider'
config.toml:6:1: error: [models.other] needs 'model')"},
    {"prices that are negative, NaN, infinite, huge, half or contradict free",
     R"toml(
[providers.d]
kind = "demo"
[models.default]
provider = "d"
input_usd_per_mtok = -1
output_usd_per_mtok = nan
cached_input_usd_per_mtok = inf
[models.a]
provider = "d"
input_usd_per_mtok = 1e300
output_usd_per_mtok = 1
free = true
[models.b]
provider = "d"
input_usd_per_mtok = 1
[models.c]
provider = "d"
cached_input_usd_per_mtok = 1)toml",
     R"(
config.toml:5:22: error: 'input_usd_per_mtok' must not be negative
config.toml:6:23: error: 'output_usd_per_mtok' must be a number, not NaN
config.toml:7:29: error: 'cached_input_usd_per_mtok' must be finite
config.toml:10:22: error: 'input_usd_per_mtok' is too large
config.toml:12:8: error: 'free = true' contradicts a price; write one of them
config.toml:13:1: error: [models.b] needs both 'input_usd_per_mtok' and 'output_usd_per_mtok', or neither
config.toml:18:29: error: 'cached_input_usd_per_mtok' needs 'input_usd_per_mtok')"},
    {"sizes that do not fit",
     R"toml(
[providers.d]
kind = "demo"
[models.default]
provider = "d"
context_tokens = 0
max_output_tokens = -5
[models.a]
provider = "d"
context_tokens = 1000)toml",
     R"(
config.toml:5:18: error: 'context_tokens' must be from 1 to 100000000
config.toml:6:21: error: 'max_output_tokens' must be from 1 to 100000000
config.toml:9:18: error: 'max_output_tokens' (1024) must be below 'context_tokens' (1000))"},
    {"fallbacks that are unknown, itself or a circle",
     R"toml(
[providers.d]
kind = "demo"
[models.default]
provider = "d"
fallback = ["a", "cheep", "default"]
[models.a]
provider = "d"
fallback = ["cheap"]
[models.cheap]
provider = "d"
fallback = ["default"])toml",
     R"(
config.toml:5:18: error: unknown model 'cheep'; did you mean 'cheap'?
config.toml:5:27: error: model 'default' falls back on itself
config.toml:11:13: error: fallback 'default' closes a circle)"},
    {"no model called default",
     R"toml(
[providers.d]
kind = "demo"
[models.cheap]
provider = "d"
[rbac]
default_role = "deny"
[rbac.roles.buyer]
workspace = "shared"
[rbac.workspaces.shared]
path = "shared")toml",
     R"(
config.toml:7:1: error: [rbac.roles.buyer] uses the model 'default', which is not in [models])"},
    {"an unknown model_hint",
     R"toml(
[rbac]
default_role = "deny"
[rbac.roles.buyer]
workspace = "shared"
[rbac.workspaces.shared]
path = "shared"
[rbac.roles.owner]
workspace = "shared"
model_hint = "defalt")toml",
     R"(
config.toml:9:14: error: unknown model 'defalt'; did you mean 'default'?)"},
    {"a budget over a model without a price, also as fallback",
     R"toml(
[providers.a]
kind = "openai"
base_url = "https://x"
[models.default]
provider = "a"
model = "m"
[models.priced]
provider = "a"
model = "m"
input_usd_per_mtok = 1
output_usd_per_mtok = 1
fallback = ["default"]
[rbac]
default_role = "deny"
[rbac.workspaces.shared]
path = "shared"
[rbac.roles.x]
workspace = "shared"
cost_daily_limit_usd = 1
[rbac.roles.y]
workspace = "shared"
model_hint = "priced"
cost_daily_limit_usd_total = 1
[rbac.roles.z]
workspace = "shared"
[[rbac.groups]]
chat = "telegram:-1"
ceiling = "z")toml",
     R"(
config.toml:19:24: error: 'cost_daily_limit_usd' needs a price for model 'default': write its input_usd_per_mtok and output_usd_per_mtok, or free = true
config.toml:23:30: error: 'cost_daily_limit_usd_total' needs a price for model 'default': write its input_usd_per_mtok and output_usd_per_mtok, or free = true
config.toml:28:11: error: a ceiling beside roles with a cost limit needs a price for model 'default': write its input_usd_per_mtok and output_usd_per_mtok, or free = true)"},
};

}  // namespace

TEST_CASE("every mistake in providers and models is refused with its place and its remedy") {
  check_refusals(kRefusals);
}

}  // namespace usher::config::testing
