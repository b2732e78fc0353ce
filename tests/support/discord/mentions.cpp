#include "support/discord/mentions.h"

#include <algorithm>

namespace usher::testing {
namespace {

bool holds(const std::vector<std::string>& list, std::string_view wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

void add_once(std::vector<std::string>& list, std::string_view id) {
  if (!holds(list, id)) list.emplace_back(id);
}

std::vector<std::string> strings_at(const json::value* in, std::string_view name) {
  std::vector<std::string> out;
  const json::array* list = array_at(in, name);
  for (std::size_t i = 0; list && i < list->size(); ++i) {
    const json::value& entry = (*list)[i];
    out.push_back(entry.is_string() ? std::string(entry.as_string()) : json::serialize(entry));
  }
  return out;
}

// What is wrong with an allowed_mentions, or "".
std::string fault_of(const json::value& allowed) {
  if (!allowed.is_object()) return "must be an object";
  for (const std::string& kind : strings_at(&allowed, "parse")) {
    if (kind != "users" && kind != "roles" && kind != "everyone") return "parse: no such kind";
    if (kind != "everyone" && !strings_at(&allowed, kind).empty()) return kind + ": excludes parse " + kind;
  }
  for (const char* kind : {"users", "roles"}) {
    if (strings_at(&allowed, kind).size() > 100) return std::string(kind) + ": more than 100";
  }
  return "";
}

}  // namespace

DiscordMentions mentions_in(std::string_view content) {
  DiscordMentions out;
  out.everyone = content.find("@everyone") != std::string_view::npos;
  out.here = content.find("@here") != std::string_view::npos;
  for (std::size_t at = content.find("<@"); at != std::string_view::npos; at = content.find("<@", at + 2)) {
    std::string_view rest = content.substr(at + 2);
    const bool is_role = rest.starts_with('&');
    if (is_role || rest.starts_with('!')) rest.remove_prefix(1);
    const std::size_t end = rest.find_first_not_of("0123456789");
    if (end == 0 || end == std::string_view::npos || rest[end] != '>') continue;
    add_once(is_role ? out.roles : out.users, rest.substr(0, end));
  }
  return out;
}

Result<std::vector<std::string>> pinged_by(const DiscordMentions& mentions, const json::value* allowed,
                                           const std::string& replied_user) {
  if (allowed && allowed->is_null()) allowed = nullptr;
  if (allowed) {
    if (const std::string fault = fault_of(*allowed); !fault.empty()) return fail(ErrorKind::invalid, fault);
  }
  const std::vector<std::string> parse = strings_at(allowed, "parse");
  const auto pings = [&](const char* kind, const std::string& id) {
    return !allowed || holds(parse, kind) || holds(strings_at(allowed, kind), id);
  };
  std::vector<std::string> out;
  const bool pings_everyone = !allowed || holds(parse, "everyone");
  if (mentions.everyone && pings_everyone) out.push_back("everyone");
  if (mentions.here && pings_everyone) out.push_back("here");
  for (const std::string& user : mentions.users) {
    if (pings("users", user)) add_once(out, user);
  }
  for (const std::string& role : mentions.roles) {
    if (pings("roles", role)) add_once(out, "&" + role);
  }
  const bool pings_replied = !allowed || bool_at(allowed, "replied_user").value_or(false);
  if (!replied_user.empty() && pings_replied) add_once(out, replied_user);
  return out;
}

}  // namespace usher::testing
