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
[mcp]
[providers.a]
kind = "anthropic")toml",
     R"(
config.toml: error: [agent] uses the model 'default', which is not in [models]
config.toml:1:11: error: 'web' in [channels] is not available in this version
config.toml:3:2: error: 'mcp' is not available in this version
config.toml:5:8: error: kind 'anthropic' is not available in this version)"},
    {"what no Discord channel can be",
     R"toml(
[[channels.discord]]
token = "Bot abc"
intents = ["guilds", "mesage_content"]
shards = 0
long_reply = "attachment"
acknowledge = "eyes"
public_key = "abcd"
groups = "some"
mode = "poll"
[[channels.discord]]
token = "${DISCORD_TOKEN}"
[[channels.discord]]
name = "second"
token = "${DISCORD_TOKEN}"
tenant = "acme"
intents = ["direct_messages"])toml",
     R"(
config.toml:1:1: warning: nobody may write here: there is no [rbac], and 'senders' in [agent] is empty
config.toml:2:9: error: 'token' is not a bot token; the developer portal shows one on the page Bot (three parts with dots between, without the word Bot)
config.toml:3:22: error: unknown intents 'mesage_content'; it is one of guilds, guild_members, guild_messages, direct_messages, message_content; did you mean 'message_content'?
config.toml:4:10: error: 'shards' is "auto" or a number from 1 to 256
config.toml:5:14: error: unknown long_reply 'attachment'; it is one of messages, file
config.toml:6:15: error: 'acknowledge' is one emoji, or name:id of one of a guild's own
config.toml:7:14: error: 'public_key' is the application's public key: 64 hex digits, on the developer portal's page General Information
config.toml:8:10: error: unknown groups 'some'; it is one of mention, all, off
config.toml:9:1: error: unknown key 'mode' in [[channels.discord]]
config.toml:10:1: error: two channels are called 'discord'; give this one a 'name'
config.toml:10:1: warning: nobody may write here: there is no [rbac], and 'senders' in [agent] is empty
config.toml:14:9: error: 'token' is that of channel 'discord' too
config.toml:15:10: error: unknown tenant 'acme'
config.toml:16:11: warning: without 'guilds' a discord_role assignment without 'guild' never counts in direct messages)"},
    {"who cannot be one person",
     R"toml(
[rbac]
default_role = "deny"
[rbac.roles.buyer]
workspace = "shared"
[rbac.roles.owner]
workspace = "shared"
[rbac.workspaces.shared]
path = "shared"
[[rbac.assignments]]
sender = 1
role = "buyer"
[[rbac.assignments]]
sender = "discord:2"
role = "owner"
[[identities]]
name = "ann"
senders = ["telegram:1", "discord:2"]
[[identities]]
name = "ann"
senders = ["telegram:3", "telegram:1"]
[[identities]]
name = "bob"
senders = ["telegram:4"]
[[identities]]
name = "eve"
tenant = "acme"
senders = ["@eve", "telegram:9"]
[[identities]]
name = "joe"
senders = ["@joe", "telegram:9"])toml",
     R"(
config.toml:17:26: error: two roles for one person: sender 'discord:2' is 'owner' (line 12), 'telegram:1' is 'buyer' (line 9)
config.toml:19:8: error: two identities are called 'ann'
config.toml:20:26: error: sender 'telegram:1' is in an identity already, in line 17
config.toml:21:1: error: [[identities]] joins at least two 'senders'
config.toml:26:10: error: unknown tenant 'acme'
config.toml:30:12: error: sender '@joe' is a username; usernames change hands, so write the numeric id (the person sends /whoami to the bot to see it))"},
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
webhook_secret = "${KEY}")toml",
     R"(
config.toml:1:1: warning: nobody may write here: there is no [rbac], and 'senders' in [agent] is empty
config.toml:3:8: error: mode 'webhook' is not available in this version
config.toml:4:1: error: 'webhook_url' in [[channels.telegram]] is not available in this version
config.toml:5:1: error: 'webhook_secret' in [[channels.telegram]] is not available in this version)"},
};

}  // namespace

TEST_CASE(
    "every mistake in keys, types, ranges, syntax and parts of later versions is refused with its place and its "
    "remedy") {
  check_refusals(kRefusals);
}

}  // namespace usher::config::testing
