// config.toml as one immutable value. Everything in it is validated, resolved and absolute: whoever holds a Config need
// not check it again. Shared as std::shared_ptr<const Config>; thread-safe by immutability.
//
// Meaning, default and constraint of every key: docs/configuration.md (kept in step by a test).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/money.h"
#include "base/secret.h"
#include "base/sender.h"
#include "policy/policy.h"

namespace usher::config {

// Where a value was written; line and column count from 1.
struct Source {
  std::string file;
  std::size_t line = 0;
  std::size_t column = 0;
};

// [gateway]
struct Gateway {
  std::filesystem::path data_dir;         // absolute; default "data"
  std::filesystem::path workspaces_dir;   // absolute; default "workspaces"
  std::string listen = "127.0.0.1:8787";  // the HTTP API: host:port, or "off"
  bool is_listen_default = true;          // not written: a port that is taken is then no error
  bool behind_proxy = false;              // a proxy that speaks TLS stands before a public address
  std::vector<std::string> hosts;         // further names the API answers to, lower case: "usher.example.com"
  std::filesystem::path tls_certificate;  // PEM, absolute; "" = no TLS
  std::filesystem::path tls_key;          // PEM, absolute; set exactly when tls_certificate is
  std::string timezone = "UTC";           // a zoneinfo name; the calendar of daily budgets
  std::chrono::seconds shutdown_grace{20};
  std::string log_level = "info";
  LogFormat log_format = LogFormat::text;
};

enum class ProviderKind { openai, demo };

// [providers.<name>]
struct Provider {
  std::string name;
  ProviderKind kind = ProviderKind::demo;
  std::string base_url;  // openai: required, http(s), no query; without a trailing slash
  Secret api_key;        // openai: may be empty (local servers)
  std::chrono::seconds timeout{120};
  Source source;
};

// [models.<hint>]
struct Model {
  std::string hint;
  std::string provider;  // names a Provider
  std::string model;     // the vendor's own name
  // Micro-USD per million tokens. Absent = unpriced.
  std::optional<MicroUsd> input_per_mtok;
  std::optional<MicroUsd> output_per_mtok;
  std::optional<MicroUsd> cached_input_per_mtok;  // default: input_per_mtok
  bool free = false;                              // `free = true`: allowed under a budget without a price
  std::int64_t context_tokens = 32000;
  std::int64_t max_output_tokens = 1024;
  std::vector<std::string> fallback;  // hints, tried in order when this one is unavailable
  Source source;
};

enum class GroupMode { mention, all, off };

// [[channels.telegram]]
struct Telegram {
  std::string name;  // unique over all channels
  std::string tenant = "default";
  Secret token;
  std::string api_root = "https://api.telegram.org";  // no trailing slash
  GroupMode groups = GroupMode::mention;
  bool resend_unknown = false;  // a reply that may have arrived is sent again: twice rather than never
  Source source;
};

// What an answer longer than one message of the platform becomes.
enum class LongReply { messages, file };

// [[channels.discord]]
struct Discord {
  std::string name;  // unique over all channels
  std::string tenant = "default";
  Secret token;
  std::string api_root = "https://discord.com/api/v10";             // no trailing slash
  std::uint32_t intents = 1u << 0 | 1u << 9 | 1u << 12 | 1u << 15;  // as the gateway counts them
  GroupMode groups = GroupMode::mention;
  LongReply long_reply = LongReply::messages;
  int shards = 0;           // 0 = as many as Discord recommends
  std::string acknowledge;  // an emoji, or "name:id"; "" = none
  std::string public_key;   // 64 hex digits; "" = no interactions over HTTP
  Source source;
};

// [channels.console]
struct Console {
  bool enabled = false;
  std::string tenant = "default";
};

enum class Autonomy { readonly, supervised, full };  // in rising order of authority
const char* to_string(Autonomy autonomy);

// The limits of one role. Absent = unlimited, 0 = blocked.
struct Limits {
  std::optional<std::int64_t> per_minute;        // rate_limit_per_minute, each sender
  std::optional<std::int64_t> per_minute_total;  // rate_limit_per_minute_total, the whole role
  std::optional<MicroUsd> daily_cost;            // cost_daily_limit_usd, each sender
  std::optional<MicroUsd> daily_cost_total;      // cost_daily_limit_usd_total, the whole role
};

// [rbac.roles.<name>]
struct Role {
  std::string name;
  Autonomy autonomy = Autonomy::readonly;
  std::vector<std::string> allowed_tools;  // globs; [] = none
  std::vector<std::string> denied_tools;   // globs; win over allowed_tools
  std::vector<Source> allowed_tools_at;    // where each of them was written, in the same order
  std::vector<Source> denied_tools_at;
  std::string workspace;               // names a Workspace of the tenant
  std::string model_hint = "default";  // names a Model
  bool memory_isolation = true;
  std::vector<std::string> rag_access;  // collection names or "*"
  Limits limits;
  std::string approval = "self";                 // "self" or "role:<name>"
  std::optional<policy::PolicyDocument> policy;  // [rbac.roles.<name>.policy]; satisfies policy::check
  Source source;
};

// [rbac.workspaces.<name>]
struct Workspace {
  std::string name;
  std::filesystem::path path;  // absolute, beneath workspaces_dir
  Source source;               // of the path
};

// [[rbac.assignments]] with `sender`
struct Assignment {
  Sender sender;
  std::string role;
  Source source;
};

// [[rbac.assignments]] with `discord_role`
struct PlatformRoleAssignment {
  std::string kind = "discord";
  std::string platform_role;  // the platform's role id
  std::string guild;          // "" = any
  std::string role;
  Source source;
};

// [[rbac.groups]]
struct GroupCeiling {
  std::string kind;     // "telegram"
  std::string chat;     // the platform's chat id, decimal, may be negative
  std::string ceiling;  // names a Role
  Source source;
};

// [rbac] or [tenants.<name>.rbac]; without any, the one implicit role of [agent] under the name "agent".
struct Tenant {
  std::string name;
  std::optional<std::string> default_role;  // nullopt = "deny": unknown senders are turned away
  std::map<std::string, Role> roles;
  std::map<std::string, Workspace> workspaces;
  std::vector<Assignment> assignments;                       // in file order
  std::vector<PlatformRoleAssignment> platform_assignments;  // in file order
  std::vector<GroupCeiling> groups;
  bool is_implicit = false;  // built from [agent]
  Source source;
};

// [[identities]]: one person, several senders. The first one is who keeps the memory and the budget.
struct Identity {
  std::string name;  // unique within the tenant
  std::string tenant = "default";
  std::vector<Sender> senders;  // at least two; none is in another identity
  Source source;
};

// [agent]
struct Agent {
  int max_iterations = 10;
  int history_messages = 50;
  std::chrono::seconds turn_timeout{300};
};

// [[api.legacy_keys]]
struct LegacyKey {
  std::string name;
  Secret key;
  std::string tenant = "default";
  std::string role;  // whose policy binds; required unless legacy_keys_skip_rbac
  Source source;
};

// [api]
struct Api {
  bool legacy_keys_skip_rbac = false;
  std::vector<LegacyKey> legacy_keys;
};

// [audit]
struct Audit {
  std::filesystem::path key_file;         // absolute; default <data_dir>/ledger.key
  bool is_key_file_default = true;        // not written: made at the first start
  std::string verify_key;                 // the pinned public key as `usher audit keygen` prints it; "" = none
  std::filesystem::path checkpoint_file;  // absolute; default <data_dir>/checkpoints
  std::int64_t checkpoint_rows = 1000;
  std::chrono::seconds checkpoint_every{60};
  std::string witness_url;  // "" = none
  std::string origin = "usher";
  std::int64_t rotate_rows = 1'000'000;
};

struct Config {
  std::filesystem::path file;  // absolute
  Gateway gateway;
  std::map<std::string, Provider> providers;
  std::map<std::string, Model> models;
  Agent agent;
  Api api;
  Audit audit;
  std::vector<Telegram> telegram;
  std::vector<Discord> discord;
  Console console;
  std::map<std::string, Tenant> tenants;  // at least "default"
  std::vector<Identity> identities;       // in file order
};

}  // namespace usher::config
