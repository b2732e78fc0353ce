// [[channels.telegram]] and [channels.console].
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/sections/sections.h"

namespace usher::config {
namespace {

// "123456:AA…": it becomes part of a URL.
bool is_bot_token(std::string_view token) {
  const std::size_t colon = token.find(':');
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_part = [&](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
  };
  return colon != std::string_view::npos && colon > 0 && colon + 1 < token.size() &&
         std::ranges::all_of(token.substr(0, colon), is_digit) && std::ranges::all_of(token.substr(colon + 1), is_part);
}

std::string read_tenant(Loading& loading, const TableReader& table) {
  const std::optional<Text> tenant = table.text("tenant");
  if (!tenant) return "default";
  if (!loading.config.tenants.contains(tenant->value)) {
    loading.problems.error(tenant->source, unknown_name("tenant", *tenant, names_of(loading.config.tenants)));
  }
  return tenant->value;
}

void read_mode(const TableReader& table) {
  const std::optional<Text> mode = table.text("mode");
  if (!mode || mode->value == "poll") return;
  const std::string message = mode->value == "webhook" ? "mode 'webhook' is not available in this version"
                                                       : unknown_word(*mode, "mode", {"poll"});
  table.problems().error(mode->source, message);
}

Secret read_token(Loading& loading, const TableReader& table) {
  const std::optional<Text> token = table.required_text("token");
  if (!token) return {};
  if (!is_bot_token(token->value)) {
    loading.problems.error(token->source, "'token' is not a bot token; BotFather gives one like 123456:ABC-DEF");
    return {};
  }
  Secret secret(token->value);
  for (const Telegram& other : loading.config.telegram) {
    if (!(other.token == secret)) continue;
    loading.problems.error(
        token->source, fmt::format("'token' is that of channel '{}' too; a bot can be polled once only", other.name));
  }
  return secret;
}

class NameCheck {
 public:
  explicit NameCheck(Problems& problems) : problems_(problems) {}

  std::string read(const TableReader& table) {
    const std::optional<Text> written = table.text("name");
    if (!written && table.has("name")) return "";
    const Text name = written.value_or(Text{"telegram", "telegram", table.source()});
    const auto is_part = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-'; };
    if (name.value.size() > 64 || !std::ranges::all_of(name.value, is_part)) {
      problems_.error(name.source,
                      fmt::format("{} is not a name; use 1 to 64 of A-Z a-z 0-9 _ -", quote(name.written)));
    } else if (name.value == "console" || name.value == "web") {
      problems_.error(name.source, fmt::format("the channel name '{}' is taken by a built-in channel", name.value));
    } else if (!names_.insert(name.value).second) {
      problems_.error(name.source, fmt::format("two channels are called {}{}", quote(name.written),
                                               written ? "" : "; give this one a 'name'"));
    }
    return name.value;
  }

 private:
  Problems& problems_;
  std::set<std::string> names_;
};

Telegram read_telegram(Loading& loading, const TableReader& table, NameCheck& names) {
  static constexpr Choice<GroupMode> kGroups[] = {
      {"mention", GroupMode::mention}, {"all", GroupMode::all}, {"off", GroupMode::off}};
  Telegram telegram;
  telegram.source = table.source();
  telegram.name = names.read(table);
  telegram.tenant = read_tenant(loading, table);
  telegram.token = read_token(loading, table);
  if (const std::optional<Text> root = table.text("api_root")) {
    telegram.api_root = read_url(loading.problems, *root, "api_root", true).value_or("");
  }
  telegram.groups = read_choice(table, "groups", kGroups, GroupMode::mention);
  telegram.resend_unknown = table.boolean("resend_unknown", false);
  read_mode(table);
  return telegram;
}

// A channel of a tenant without roles and senders turns everybody away: rarely what was meant.
void warn_of_silence(Loading& loading, const std::string& tenant_name, const Source& source) {
  const auto tenant = loading.config.tenants.find(tenant_name);
  if (tenant == loading.config.tenants.end()) return;
  const Tenant& found = tenant->second;
  if (!found.is_implicit || found.default_role || !found.assignments.empty()) return;
  loading.problems.warning(source, "nobody may write here: there is no [rbac], and 'senders' in [agent] is empty");
}

}  // namespace

void read_channels(Loading& loading, const TableReader& root) {
  const std::optional<TableReader> channels = root.table("channels", kChannels);
  if (!channels) return;
  NameCheck names(loading.problems);
  for (const TableReader& table : channels->tables("telegram", kTelegram)) {
    Telegram telegram = read_telegram(loading, table, names);
    warn_of_silence(loading, telegram.tenant, telegram.source);
    loading.config.telegram.push_back(std::move(telegram));
  }
  if (const std::optional<TableReader> console = channels->table("console", kConsole)) {
    loading.config.console = {console->boolean("enabled", false), read_tenant(loading, *console)};
    if (loading.config.console.enabled) warn_of_silence(loading, loading.config.console.tenant, console->source());
  }
}

}  // namespace usher::config
