// Refusals: senders, chats, tenants and channels. Each file with the exact lines that it earns.
#include "config/refusals.h"

namespace usher::config::testing {
namespace {

const Refusal kRefusals[] = {
    {"two roles for one sender, in two spellings",
     R"toml(
[rbac]
default_role = "deny"
[rbac.roles.buyer]
workspace = "shared"
[rbac.workspaces.shared]
path = "shared"
[rbac.roles.owner]
workspace = "shared"
[[rbac.assignments]]
sender = "telegram:5"
role = "owner"
[[rbac.assignments]]
sender = 5
role = "buyer")toml",
     R"(
config.toml:13:10: error: two roles for sender '5': 'buyer' here, 'owner' in line 9)"},
    {"usernames where an id belongs",
     R"toml(
[rbac]
default_role = "deny"
[rbac.roles.buyer]
workspace = "shared"
[rbac.workspaces.shared]
path = "shared"
[[rbac.assignments]]
sender = "@bob"
role = "buyer"
[[rbac.assignments]]
sender = "telegram:bob"
role = "buyer"
[[rbac.assignments]]
sender = "discord:bob#1234"
role = "buyer"
[[rbac.assignments]]
sender = "bob"
role = "buyer"
[[rbac.groups]]
chat = "telegram:@shop"
ceiling = "buyer")toml",
     R"(
config.toml:8:10: error: sender '@bob' is a username; usernames change hands, so write the numeric id (the person sends /whoami to the bot to see it)
config.toml:11:10: error: sender 'telegram:bob' is a username; usernames change hands, so write the numeric id (the person sends /whoami to the bot to see it)
config.toml:14:10: error: sender 'discord:bob#1234' is a username; usernames change hands, so write the numeric id (the person sends /whoami to the bot to see it)
config.toml:17:10: error: sender 'bob' is a username; usernames change hands, so write the numeric id (the person sends /whoami to the bot to see it)
config.toml:20:8: error: chat 'telegram:@shop' is a username; write the chat's numeric id like "telegram:-1001234567890")"},
    {"what is no sender",
     R"toml(
[rbac]
default_role = "deny"
[rbac.roles.buyer]
workspace = "shared"
[rbac.workspaces.shared]
path = "shared"
[[rbac.assignments]]
sender = "telegram:-100"
role = "buyer"
[[rbac.assignments]]
sender = "telegrm:5"
role = "buyer"
[[rbac.assignments]]
sender = "telegram:"
role = "buyer"
[[rbac.assignments]]
sender = "telegram:007"
role = "buyer"
[[rbac.assignments]]
sender = ""
role = "buyer"
[[rbac.assignments]]
sender = " 5"
role = "buyer"
[[rbac.assignments]]
sender = 0
role = "buyer"
[[rbac.assignments]]
sender = -5
role = "buyer"
[[rbac.assignments]]
sender = "telegram:5x"
role = "buyer"
[[rbac.assignments]]
sender = "telegram:99999999999999999999"
role = "buyer"
[[rbac.assignments]]
sender = 1.5
role = "buyer")toml",
     R"(
config.toml:8:10: error: sender 'telegram:-100' is a chat, not a person; a person's id is positive
config.toml:11:10: error: sender 'telegrm:5' is of no known channel; did you mean 'telegram'?
config.toml:14:10: error: sender 'telegram:' is not a sender; write "telegram:123", "discord:123", "console:local", "web:alice" or a bare number
config.toml:17:10: error: sender 'telegram:007' is not a sender; write "telegram:123", "discord:123", "console:local", "web:alice" or a bare number
config.toml:20:10: error: 'sender' must not be empty
config.toml:23:10: error: sender ' 5' is a username; usernames change hands, so write the numeric id (the person sends /whoami to the bot to see it)
config.toml:26:10: error: sender '0' is not a sender; write "telegram:123", "discord:123", "console:local", "web:alice" or a bare number
config.toml:29:10: error: sender '-5' is a chat, not a person; a person's id is positive
config.toml:32:10: error: sender 'telegram:5x' is a username; usernames change hands, so write the numeric id (the person sends /whoami to the bot to see it)
config.toml:35:10: error: sender 'telegram:99999999999999999999' is not a sender; write "telegram:123", "discord:123", "console:local", "web:alice" or a bare number
config.toml:38:10: error: 'sender' must be a string, not a decimal number)"},
    {"a looked-up value is never shown",
     R"toml(
[rbac]
default_role = "deny"
[rbac.roles.buyer]
workspace = "shared"
[rbac.workspaces.shared]
path = "shared"
[[rbac.assignments]]
sender = "${BOB}"
role = "${KEY}")toml",
     R"(
config.toml:8:10: error: sender '${BOB}' is a username; usernames change hands, so write the numeric id (the person sends /whoami to the bot to see it)
config.toml:9:8: error: unknown role '${KEY}')"},
    {"assignments of nobody, of both, of a guild alone",
     R"toml(
[rbac]
default_role = "deny"
[rbac.roles.buyer]
workspace = "shared"
[rbac.workspaces.shared]
path = "shared"
[[rbac.assignments]]
role = "buyer"
[[rbac.assignments]]
sender = "5"
discord_role = "7"
role = "buyer"
[[rbac.assignments]]
sender = "6"
guild = "7"
[[rbac.assignments]]
discord_role = "moderators"
guild = "@here"
role = "buyer")toml",
     R"(
config.toml:7:1: error: [[rbac.assignments]] needs 'sender' or 'discord_role'
config.toml:9:1: error: [[rbac.assignments]] has both 'sender' and 'discord_role'; write two assignments
config.toml:13:1: error: [[rbac.assignments]] needs 'role'
config.toml:15:9: error: 'guild' goes with 'discord_role' only
config.toml:17:16: error: discord_role 'moderators' is not a Discord id; write the number, not the name
config.toml:18:9: error: guild '@here' is not a Discord id; write the number, not the name)"},
    {"chats that are none, two ceilings for one",
     R"toml(
[rbac]
default_role = "deny"
[rbac.roles.buyer]
workspace = "shared"
[rbac.workspaces.shared]
path = "shared"
[[rbac.groups]]
chat = "-100"
ceiling = "buyer"
[[rbac.groups]]
chat = "telegram:-100"
ceiling = "buyer"
[[rbac.groups]]
chat = "telegram:-100"
ceiling = "buyer"
[[rbac.groups]]
ceiling = "buyer")toml",
     R"(
config.toml:8:8: error: chat '-100' is not a chat; write "telegram:-1001234567890" or "discord:123"
config.toml:14:8: error: two ceilings for one chat; the first is in line 10
config.toml:16:1: error: [[rbac.groups]] needs 'chat')"},
    {"senders of the implicit role",
     R"toml(
[agent]
senders = ["*", "5", "@bob"]
workspace = "../x"
model_hint = "big")toml",
     R"(
config.toml:2:12: error: "*" in 'senders' stands alone: it lets everybody in
config.toml:2:22: error: sender '@bob' is a username; usernames change hands, so write the numeric id (the person sends /whoami to the bot to see it)
config.toml:3:13: error: workspace path '../x' must not hold '..'
config.toml:4:14: error: unknown model 'big')"},
    {"tenants: default in the wrong place, without rbac, unknown keys",
     R"toml(
[tenants.default.rbac]
default_role = "deny"
[tenants.acme]
[tenants.globex]
name = "Globex"
[tenants.globex.rbac]
default_role = "buyer")toml",
     R"(
config.toml:1:10: error: the tenant 'default' is plain [rbac]; write its roles there
config.toml:3:10: error: tenant 'acme' needs [tenants.acme.rbac]
config.toml:5:1: error: unknown key 'name' in [tenants.globex]
config.toml:7:16: error: unknown role 'buyer')"},
    {"channels of unknown tenants, names twice or taken, tokens twice or malformed",
     R"toml(
[agent]
senders = ["5"]
[[channels.telegram]]
token = "${TOKEN}"
tenant = "acme"
[[channels.telegram]]
token = "${TOKEN}"
[[channels.telegram]]
name = "console"
token = "nonsense/../x"
[[channels.telegram]]
name = "a b"
[channels.console]
enabled = true
tenant = "defualt")toml",
     R"(
config.toml:5:10: error: unknown tenant 'acme'
config.toml:6:1: error: two channels are called 'telegram'; give this one a 'name'
config.toml:7:9: error: 'token' is that of channel 'telegram' too; a bot can be polled once only
config.toml:9:8: error: the channel name 'console' is taken by a built-in channel
config.toml:10:9: error: 'token' is not a bot token; BotFather gives one like 123456:ABC-DEF
config.toml:11:1: error: [[channels.telegram]] needs 'token'
config.toml:12:8: error: 'a b' is not a name; use 1 to 64 of A-Z a-z 0-9 _ -
config.toml:15:10: error: unknown tenant 'defualt'; did you mean 'default'?)"},
    {"choices and URLs of a channel",
     R"toml(
[agent]
senders = ["5"]
[[channels.telegram]]
token = "${TOKEN}"
mode = "pol"
groups = "mentions"
api_root = "api.telegram.org")toml",
     R"(
config.toml:5:8: error: unknown mode 'pol'; it is one of poll; did you mean 'poll'?
config.toml:6:10: error: unknown groups 'mentions'; it is one of mention, all, off; did you mean 'mention'?
config.toml:7:12: error: 'api_root' must start with https:// or http://)"},
};

}  // namespace

TEST_CASE("every mistake in senders, chats, tenants and channels is refused with its place and its remedy") {
  check_refusals(kRefusals);
}

}  // namespace usher::config::testing
