#include "config/reading/keys.h"

#include <algorithm>
#include <array>

namespace usher::config {
namespace {

using enum KeyType;

constexpr Key kRootKeys[] = {
    {"gateway", table},        {"providers", named_tables},
    {"models", named_tables},  {"agent", table},
    {"channels", table},       {"rbac", table},
    {"tenants", named_tables}, {"mcp", later},
    {"audit", table},          {"api", table},
    {"identities", tables},
};
constexpr Key kGatewayKeys[] = {
    {"data_dir", text},
    {"workspaces_dir", text},
    {"listen", text},
    {"timezone", text},
    {"shutdown_grace_s", integer},
    {"log_level", text},
    {"log_format", text},
    {"behind_proxy", boolean},
    {"hosts", texts},
    {"tls_certificate", text},
    {"tls_key", text},
};
constexpr Key kProviderKeys[] = {
    {"kind", text},
    {"base_url", text},
    {"api_key", text},
    {"timeout_s", integer},
};
constexpr Key kModelKeys[] = {
    {"provider", text},
    {"model", text},
    {"input_usd_per_mtok", number},
    {"output_usd_per_mtok", number},
    {"cached_input_usd_per_mtok", number},
    {"free", boolean},
    {"context_tokens", integer},
    {"max_output_tokens", integer},
    {"fallback", texts},
};
constexpr Key kAgentKeys[] = {
    {"max_iterations", integer},
    {"history_messages", integer},
    {"turn_timeout_s", integer},
    // The implicit role, used without [rbac].
    {"senders", ids},
    {"autonomy", text},
    {"allowed_tools", texts},
    {"denied_tools", texts},
    {"workspace", text},
    {"model_hint", text},
    {"memory_isolation", boolean},
    {"rag_access", texts},
    {"rate_limit_per_minute", integer},
    {"rate_limit_per_minute_total", integer},
    {"cost_daily_limit_usd", number},
    {"cost_daily_limit_usd_total", number},
};
constexpr Key kChannelsKeys[] = {
    {"telegram", tables},
    {"console", table},
    {"discord", tables},
    {"web", later},
};
constexpr Key kTelegramKeys[] = {
    {"name", text},
    {"tenant", text},
    {"token", text},
    {"api_root", text},
    {"mode", text},
    {"groups", text},
    {"resend_unknown", boolean},
    {"webhook_url", later},
    {"webhook_secret", later},
};
constexpr Key kDiscordKeys[] = {
    {"name", text},   {"tenant", text}, {"token", text},      {"api_root", text},    {"intents", texts},
    {"groups", text}, {"shards", id},   {"long_reply", text}, {"acknowledge", text}, {"public_key", text},
};
constexpr Key kIdentityKeys[] = {{"name", text}, {"tenant", text}, {"senders", ids}};
constexpr Key kConsoleKeys[] = {{"enabled", boolean}, {"tenant", text}};
constexpr Key kTenantKeys[] = {{"rbac", table}};
constexpr Key kRbacKeys[] = {
    {"default_role", text},  {"roles", named_tables}, {"workspaces", named_tables},
    {"assignments", tables}, {"groups", tables},
};
constexpr Key kRoleKeys[] = {
    {"autonomy", text},
    {"allowed_tools", texts},
    {"denied_tools", texts},
    {"workspace", text},
    {"model_hint", text},
    {"memory_isolation", boolean},
    {"rag_access", texts},
    {"rate_limit_per_minute", integer},
    {"rate_limit_per_minute_total", integer},
    {"cost_daily_limit_usd", number},
    {"cost_daily_limit_usd_total", number},
    {"approval", text},
    {"policy", table},
};
constexpr Key kPolicyKeys[] = {
    {"allowed_actions", texts},  {"denied_actions", texts},          {"allowed_resources", texts},
    {"denied_resources", texts}, {"max_sensitivity_level", integer},
};
constexpr Key kWorkspaceKeys[] = {{"path", text}};
constexpr Key kAssignmentKeys[] = {{"sender", id}, {"discord_role", id}, {"guild", id}, {"role", text}};
constexpr Key kGroupKeys[] = {{"chat", text}, {"ceiling", text}};
constexpr Key kApiKeys[] = {{"legacy_keys_skip_rbac", boolean}, {"legacy_keys", tables}};
constexpr Key kLegacyKeyKeys[] = {{"name", text}, {"key", text}, {"tenant", text}, {"role", text}};
constexpr Key kAuditKeys[] = {
    {"key_file", text},        {"verify_key", text},  {"checkpoint_file", text}, {"checkpoint_rows", integer},
    {"checkpoint_s", integer}, {"witness_url", text}, {"origin", text},          {"rotate_rows", integer},
};

}  // namespace

const Section kRoot{"config.toml", kRootKeys};
const Section kGateway{"[gateway]", kGatewayKeys};
const Section kProvider{"[providers.<name>]", kProviderKeys};
const Section kModel{"[models.<hint>]", kModelKeys};
const Section kAgent{"[agent]", kAgentKeys};
const Section kChannels{"[channels]", kChannelsKeys};
const Section kTelegram{"[[channels.telegram]]", kTelegramKeys};
const Section kDiscord{"[[channels.discord]]", kDiscordKeys};
const Section kIdentity{"[[identities]]", kIdentityKeys};
const Section kConsole{"[channels.console]", kConsoleKeys};
const Section kTenant{"[tenants.<name>]", kTenantKeys};
const Section kRbac{"[rbac]", kRbacKeys};
const Section kRole{"[rbac.roles.<name>]", kRoleKeys};
const Section kPolicy{"[rbac.roles.<name>.policy]", kPolicyKeys};
const Section kWorkspace{"[rbac.workspaces.<name>]", kWorkspaceKeys};
const Section kAssignment{"[[rbac.assignments]]", kAssignmentKeys};
const Section kGroup{"[[rbac.groups]]", kGroupKeys};
const Section kApi{"[api]", kApiKeys};
const Section kLegacyKey{"[[api.legacy_keys]]", kLegacyKeyKeys};
const Section kAudit{"[audit]", kAuditKeys};

const Key* Section::find(std::string_view name) const {
  const auto found = std::ranges::find(keys, name, &Key::name);
  return found == keys.end() ? nullptr : &*found;
}

std::span<const Section* const> all_sections() {
  static constexpr std::array<const Section*, 20> kAll = {&kRoot,     &kGateway,  &kProvider, &kModel,     &kAgent,
                                                          &kChannels, &kTelegram, &kDiscord,  &kIdentity,  &kConsole,
                                                          &kRbac,     &kRole,     &kPolicy,   &kWorkspace, &kAssignment,
                                                          &kGroup,    &kTenant,   &kApi,      &kLegacyKey, &kAudit};
  return kAll;
}

}  // namespace usher::config
