#include <fmt/format.h>

#include <algorithm>

#include "rbac/role.h"

namespace usher::rbac {
namespace {

// "allowed_tools of role 'buyer', the ceiling of this chat"
std::string name_of(const char* key, const ToolFilter& filter, bool is_ceiling) {
  return fmt::format("{} of role '{}'{}", key, filter.role, is_ceiling ? ", the ceiling of this chat" : "");
}

}  // namespace

bool RoleContext::allows_tool(std::string_view tool) const {
  const auto allows = [&](const ToolFilter& filter) {
    return !filter.denied.matches(tool) && filter.allowed.matches(tool);
  };
  return !tool_filters.empty() && std::ranges::all_of(tool_filters, allows);
}

ToolDecision RoleContext::permits_tool(std::string_view tool) const {
  if (tool_filters.empty()) return {false, fmt::format("tool '{}' is denied: no role", tool)};
  std::string reasons;
  for (const ToolFilter& filter : tool_filters) {
    const bool is_first = &filter == &tool_filters.front();
    const bool is_ceiling = !is_first && ceiling == filter.role;
    if (const std::string* pattern = filter.denied.first_match(tool)) {
      return {false, fmt::format("tool '{}' is denied by '{}' in {}", tool, *pattern,
                                 name_of("denied_tools", filter, is_ceiling))};
    }
    const std::string* pattern = filter.allowed.first_match(tool);
    if (!pattern)
      return {false, fmt::format("tool '{}' is not in {}", tool, name_of("allowed_tools", filter, is_ceiling))};
    reasons +=
        fmt::format("{}'{}' in {}", is_first ? "" : " and by ", *pattern, name_of("allowed_tools", filter, is_ceiling));
  }
  return {true, fmt::format("tool '{}' is allowed by {}", tool, reasons)};
}

const PolicyLayer* RoleContext::deciding_layer(const policy::Request& request) const {
  for (const PolicyLayer& layer : policies) {
    if (!layer.policy->judge(request).allowed) return &layer;
  }
  return policies.empty() ? nullptr : &policies.back();
}

std::optional<policy::Decision> RoleContext::decide(const policy::Request& request) const {
  const PolicyLayer* layer = deciding_layer(request);
  if (!layer) return std::nullopt;
  return layer->policy->decide(request);
}

bool RoleContext::permits_collection(std::string_view collection) const {
  const auto holds = [&](const std::vector<std::string>& list) {
    return std::ranges::any_of(list, [&](const std::string& name) { return name == collection || name == "*"; });
  };
  return !rag_access.empty() && std::ranges::all_of(rag_access, holds);
}

}  // namespace usher::rbac
