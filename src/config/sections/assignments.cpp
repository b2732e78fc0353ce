// [[rbac.assignments]] and [[rbac.groups]]: who holds which role, and where less.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "config/sections/sections.h"

namespace usher::config {
namespace {

bool is_decimal(std::string_view text) {
  constexpr std::size_t kMaxDigits = 20;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return !text.empty() && text.size() <= kMaxDigits && text.front() != '0' && std::ranges::all_of(text, is_digit);
}

std::optional<std::string> read_role_name(const TableReader& table, std::string_view key, const Tenant& tenant) {
  const std::optional<Text> role = table.required_text(key);
  if (!role) return std::nullopt;
  if (tenant.roles.contains(role->value)) return role->value;
  table.problems().error(role->source, unknown_name("role", *role, names_of(tenant.roles)));
  return std::nullopt;
}

std::string read_snowflake(const TableReader& table, std::string_view key) {
  const std::optional<Text> id = table.text(key);
  if (!id) return "";
  if (is_decimal(id->value)) return id->value;
  table.problems().error(
      id->source, fmt::format("{} {} is not a Discord id; write the number, not the name", key, quote(id->written)));
  return "";
}

class AssignmentReader {
 public:
  explicit AssignmentReader(Tenant& tenant) : tenant_(tenant) {}

  void read(const TableReader& table) {
    const bool has_sender = table.has("sender"), has_platform_role = table.has("discord_role");
    const std::optional<std::string> role = read_role_name(table, "role", tenant_);
    if (has_sender == has_platform_role) {
      const char* wish = has_sender ? "has both 'sender' and 'discord_role'; write two assignments"
                                    : "needs 'sender' or 'discord_role'";
      table.problems().error(table.source(), fmt::format("{} {}", table.title(), wish));
    } else if (has_sender) {
      read_person(table, role.value_or(""));
    } else {
      read_platform_role(table, role.value_or(""));
    }
    if (table.has("guild") && !has_platform_role) {
      table.problems().error(table.source_of("guild"), "'guild' goes with 'discord_role' only");
    }
  }

 private:
  void read_person(const TableReader& table, const std::string& role) {
    const std::optional<Text> text = table.text("sender");
    const std::optional<Sender> sender = text ? read_sender(table.problems(), *text, tenant_.name) : std::nullopt;
    if (!sender) return;
    const auto [known, is_new] = people_.try_emplace(*sender, tenant_.assignments.size());
    if (is_new) {
      tenant_.assignments.push_back({*sender, role, table.source()});
      return;
    }
    const Assignment& first = tenant_.assignments[known->second];
    if (first.role == role) {
      table.problems().warning(text->source, fmt::format("sender {} is assigned already in line {}",
                                                         quote(text->written), first.source.line));
    } else if (!first.role.empty() && !role.empty()) {
      table.problems().error(text->source, fmt::format("two roles for sender {}: '{}' here, '{}' in line {}",
                                                       quote(text->written), role, first.role, first.source.line));
    }
  }

  void read_platform_role(const TableReader& table, const std::string& role) {
    PlatformRoleAssignment assignment;
    assignment.platform_role = read_snowflake(table, "discord_role");
    assignment.guild = read_snowflake(table, "guild");
    assignment.role = role;
    assignment.source = table.source();
    for (const PlatformRoleAssignment& first : tenant_.platform_assignments) {
      const bool is_same =
          first.platform_role == assignment.platform_role && (first.guild.empty() || first.guild == assignment.guild);
      if (!is_same || assignment.platform_role.empty()) continue;
      table.problems().warning(
          table.source(), fmt::format("never applies: line {} comes first for this discord_role", first.source.line));
      break;
    }
    tenant_.platform_assignments.push_back(std::move(assignment));
  }

  Tenant& tenant_;
  std::map<Sender, std::size_t> people_;
};

// "telegram:-100123" → kind and chat.
std::optional<GroupCeiling> read_chat(const TableReader& table) {
  const std::optional<Text> text = table.required_text("chat");
  if (!text) return std::nullopt;
  const std::string_view value = text->value;
  const std::size_t colon = value.find(':');
  const std::string kind(value.substr(0, colon));
  const std::string_view chat = colon == std::string_view::npos ? "" : value.substr(colon + 1);
  const bool is_number = is_decimal(chat.starts_with('-') ? chat.substr(1) : chat);
  GroupCeiling group;
  group.kind = kind;
  group.chat = chat;
  group.source = table.source();
  if ((kind == "telegram" && is_number) || (kind == "discord" && is_decimal(chat))) return group;
  const bool is_name = chat.starts_with('@') || value.starts_with('@');
  table.problems().error(
      text->source, fmt::format("chat {} {}", quote(text->written),
                                is_name ? "is a username; write the chat's numeric id like \"telegram:-1001234567890\""
                                        : "is not a chat; write \"telegram:-1001234567890\" or \"discord:123\""));
  return std::nullopt;
}

bool has_budget(const Tenant& tenant) {
  return std::ranges::any_of(tenant.roles, [](const auto& entry) {
    return entry.second.limits.daily_cost || entry.second.limits.daily_cost_total;
  });
}

}  // namespace

void read_assignments(Loading&, const TableReader& rbac, Tenant& tenant) {
  AssignmentReader reader(tenant);
  for (const TableReader& table : rbac.tables("assignments", kAssignment)) reader.read(table);
}

void read_group_ceilings(Loading& loading, const TableReader& rbac, Tenant& tenant) {
  std::map<std::pair<std::string, std::string>, std::size_t> lines;
  for (const TableReader& table : rbac.tables("groups", kGroup)) {
    std::optional<GroupCeiling> group = read_chat(table);
    const std::optional<std::string> ceiling = read_role_name(table, "ceiling", tenant);
    if (group) {
      const auto [first, is_new] = lines.try_emplace({group->kind, group->chat}, table.source().line);
      if (!is_new)
        table.problems().error(table.source_of("chat"),
                               fmt::format("two ceilings for one chat; the first is in line {}", first->second));
    }
    if (!ceiling || !group) continue;
    group->ceiling = *ceiling;
    // A budget that a member brings along binds the ceiling's model.
    if (has_budget(tenant)) {
      check_budget(loading, table.source_of("ceiling"), "a ceiling beside roles with a cost limit",
                   tenant.roles[*ceiling].model_hint);
    }
    tenant.groups.push_back(std::move(*group));
  }
}

}  // namespace usher::config
