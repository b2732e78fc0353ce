// Refusals: keys, types, ranges, syntax and parts of later versions. Each file with the exact lines that it earns.
#include "config/refusals.h"

namespace usher::config::testing {
namespace {

const Refusal kRefusals[] = {
    {"an unknown key",
     R"toml(
[agent]
max_iteration = 3)toml",
     R"(
config.toml:2:1: error: unknown key 'max_iteration' in [agent]; did you mean 'max_iterations'?)"},
    {"an unknown section",
     R"toml(
[agnet])toml",
     R"(
config.toml:1:2: error: unknown section 'agnet'; did you mean 'agent'?)"},
    {"an unknown key far from any other",
     R"toml(
[rbac]
default_role = "deny"
[rbac.roles.buyer]
workspace = "shared"
[rbac.workspaces.shared]
path = "shared"
[rbac.roles.owner]
workspace = "shared"
colour = "red")toml",
     R"(
config.toml:9:1: error: unknown key 'colour' in [rbac.roles.owner])"},
    {"an unknown key within an inline table",
     R"toml(
channels = { console = { enabld = true } })toml",
     R"(
config.toml:1:26: error: unknown key 'enabld' in [channels.console]; did you mean 'enabled'?)"},
    {"wrong types",
     R"toml(
[agent]
max_iterations = "ten"
history_messages = 2.5
allowed_tools = "x"
denied_tools = ["a", 7]
memory_isolation = 1
autonomy = 2026-01-01)toml",
     R"(
config.toml:2:18: error: 'max_iterations' must be a whole number, not a string
config.toml:3:20: error: 'history_messages' must be a whole number, not a decimal number
config.toml:4:17: error: 'allowed_tools' must be a list of strings, not a string
config.toml:5:22: error: 'denied_tools' must be a list of strings; this is a whole number
config.toml:6:20: error: 'memory_isolation' must be true or false, not a whole number
config.toml:7:12: error: 'autonomy' must be a string, not a date or time)"},
    {"a section that is no table",
     R"toml(
gateway = 3)toml",
     R"(
config.toml:1:11: error: 'gateway' must be a table, not a whole number)"},
    {"one table where a list of tables belongs",
     R"toml(
[channels.telegram]
token = "${TOKEN}")toml",
     R"(
config.toml:1:1: error: 'telegram' must be a list of tables, not a table; write [[channels.telegram]])"},
    {"a list of tables where one belongs",
     R"toml(
[[channels.console]]
enabled = true)toml",
     R"(
config.toml:1:1: error: 'console' must be a table, not a list; write [channels.console])"},
    {"a key directly in a table of tables",
     R"toml(
[providers]
kind = "demo")toml",
     R"(
config.toml: error: [agent] uses the model 'default', which is not in [models]
config.toml:2:1: error: 'kind' stands directly in [providers]; write [providers.<name>])"},
    {"TOML that does not parse",
     R"toml(
[agent]
max_iterations = = 3)toml",
     R"(
config.toml:2:18: error: not TOML: Error while parsing value: could not determine value type)"},
    {"a key written twice",
     R"toml(
[agent]
max_iterations = 3
max_iterations = 4)toml",
     R"(
config.toml:3:18: error: not TOML: Error while parsing key-value pair: cannot redefine existing integer 'max_iterations')"},
    {"a key of too many parts",
     R"toml(

[a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q])toml",
     R"(
config.toml:2:33: error: a key of more than 16 parts)"},
    {"numbers out of range",
     R"toml(
[agent]
max_iterations = 0
history_messages = -1
turn_timeout_s = 0
[gateway]
shutdown_grace_s = 99999)toml",
     R"(
config.toml:2:18: error: 'max_iterations' must be from 1 to 100
config.toml:3:20: error: 'history_messages' must be from 1 to 1000
config.toml:4:18: error: 'turn_timeout_s' must be from 1 to 86400
config.toml:6:20: error: 'shutdown_grace_s' must be from 1 to 3600)"},
    {"words that are none of the choices",
     R"toml(
[gateway]
log_level = "warning"
log_format = "xml"
[agent]
autonomy = "read-only")toml",
     R"(
config.toml:2:13: error: unknown log_level 'warning'; it is one of trace, debug, info, warn, error, off
config.toml:3:14: error: unknown log_format 'xml'; it is one of text, json
config.toml:5:12: error: unknown autonomy 'read-only'; it is one of readonly, supervised, full; did you mean 'readonly'?)"},
    {"an unusable listen, timezone, empty string and control character",
     R"toml(
[gateway]
listen = "8787"
timezone = "../UTC"
data_dir = ""
workspaces_dir = "a\u0000b")toml",
     R"(
config.toml:2:10: error: 'listen' must be a numeric address and a port, like '127.0.0.1:8787', or 'off', not '8787'
config.toml:3:12: error: unknown timezone '../UTC'; write a zoneinfo name like 'Europe/Berlin'
config.toml:4:12: error: 'data_dir' must not be empty
config.toml:5:18: error: 'workspaces_dir' holds a control character)"},
    {"data within the workspaces",
     R"toml(
[gateway]
data_dir = "workspaces/data")toml",
     R"(
config.toml:2:12: error: 'data_dir' must not lie within 'workspaces_dir': what is kept there would be readable as a workspace)"},
    {"parts of later versions",
     R"toml(
[channels.web]
enabled = true
[[channels.discord]]
name = "d"
[mcp]
[[identities]]
[gateway]
long_reply = "file"
[providers.a]
kind = "anthropic"
shards = 2)toml",
     R"(
config.toml: error: [agent] uses the model 'default', which is not in [models]
config.toml:1:11: error: 'web' in [channels] is not available in this version
config.toml:3:12: error: 'discord' in [channels] is not available in this version
config.toml:5:2: error: 'mcp' is not available in this version
config.toml:6:3: error: 'identities' is not available in this version
config.toml:8:1: error: 'long_reply' in [gateway] is not available in this version
config.toml:10:8: error: kind 'anthropic' is not available in this version
config.toml:11:1: error: 'shards' in [providers.a] is not available in this version)"},
    {"a ledger that cannot be kept so",
     R"toml(
[audit]
verify_key = "usher+1234+AA=="
origin = "our ledger"
checkpoint_rows = 0
checkpoint_s = 0
rotate_rows = 999
witness_url = "ftp://example.org"
key = "${KEY}")toml",
     R"(
config.toml:2:14: error: 'verify_key' is no public key; write what is in ledger.pub, or what usher audit keygen printed
config.toml:3:10: error: 'our ledger' is no origin; use 1 to 64 of A-Z a-z 0-9 _ - . : /, like 'usher.example.com'
config.toml:4:19: error: 'checkpoint_rows' must be from 1 to 1000000
config.toml:5:16: error: 'checkpoint_s' must be from 1 to 86400
config.toml:6:15: error: 'rotate_rows' must be from 1000 to 1000000000
config.toml:7:15: error: 'witness_url' must start with https:// or http://
config.toml:8:1: error: unknown key 'key' in [audit])"},
    {"parts of later versions of a Telegram channel",
     R"toml(
[[channels.telegram]]
token = "${TOKEN}"
mode = "webhook"
webhook_url = "https://example.org"
webhook_secret = "${KEY}"
long_reply = "file")toml",
     R"(
config.toml:1:1: warning: nobody may write here: there is no [rbac], and 'senders' in [agent] is empty
config.toml:3:8: error: mode 'webhook' is not available in this version
config.toml:4:1: error: 'webhook_url' in [[channels.telegram]] is not available in this version
config.toml:5:1: error: 'webhook_secret' in [[channels.telegram]] is not available in this version
config.toml:6:1: error: 'long_reply' in [[channels.telegram]] is not available in this version)"},
};

}  // namespace

TEST_CASE(
    "every mistake in keys, types, ranges, syntax and parts of later versions is refused with its place and its "
    "remedy") {
  check_refusals(kRefusals);
}

}  // namespace usher::config::testing
