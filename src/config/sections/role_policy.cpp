// [rbac.roles.<name>.policy]: what a role may do, by action, resource and sensitivity.
#include <fmt/format.h>

#include "config/sections/sections.h"
#include "policy/narrowing.h"

namespace usher::config {
namespace {

std::vector<Text> read_patterns(const TableReader& table, std::string_view key, std::vector<std::string>& patterns) {
  if (!table.has(key)) return {};
  constexpr TextBounds kBounds{
      .may_be_empty = true, .max_bytes = policy::kMaxPatternBytes, .max_items = policy::kMaxPatterns};
  const std::vector<Text> texts = table.texts(key, kBounds);
  patterns.clear();
  for (const Text& text : texts) patterns.push_back(text.value);
  return texts;
}

void read_actions(const TableReader& table, std::string_view key, std::vector<std::string>& patterns) {
  for (const Text& text : read_patterns(table, key, patterns)) {
    if (policy::matches_some_action(text.value)) continue;
    table.problems().warning(text.source, fmt::format("{} in {} matches no action; an action is "
                                                      "domain:operation:resource, like 'product:read:catalog'",
                                                      quote(text.written), key));
  }
}

}  // namespace

void read_role_policy(const TableReader& role_table, Role& role) {
  const std::optional<TableReader> table = role_table.table("policy", kPolicy);
  if (!table) return;
  policy::PolicyDocument document;
  read_actions(*table, "allowed_actions", document.allowed_actions);
  read_actions(*table, "denied_actions", document.denied_actions);
  read_patterns(*table, "allowed_resources", document.allowed_resources);
  read_patterns(*table, "denied_resources", document.denied_resources);
  document.max_sensitivity_level =
      static_cast<int>(table->integer_or("max_sensitivity_level", policy::kMaxSensitivity, 0, policy::kMaxSensitivity));
  const Result<void> checked = policy::check(document);
  if (!checked) table->problems().error(table->source(), checked.error().message);
  role.policy = std::move(document);
}

}  // namespace usher::config
