// Globs of roles that no tool answers to.
#include <fmt/format.h>

#include <algorithm>

#include "config/load.h"
#include "config/reading/problems.h"
#include "policy/glob.h"

namespace usher::config {
namespace {

void check(const Role& role, const char* key, const std::vector<std::string>& globs, const std::vector<Source>& sources,
           std::span<const std::string> registered, Problems& problems) {
  for (std::size_t i = 0; i < globs.size(); ++i) {
    const std::string& glob = globs[i];
    const auto matches = [&](const std::string& tool) { return policy::glob_matches(glob, tool); };
    if (glob == "*" || std::ranges::any_of(registered, matches)) continue;
    const std::vector<std::string> names(registered.begin(), registered.end());
    problems.warning(
        i < sources.size() ? sources[i] : role.source,
        fmt::format("{} in {} of role '{}' matches no tool{}", quote(glob), key, role.name, suggestion(glob, names)));
  }
}

}  // namespace

std::vector<Problem> unmatched_tool_globs(const Config& config, std::span<const std::string> registered) {
  Problems problems;
  for (const auto& [ignored, tenant] : config.tenants) {
    for (const auto& [name, role] : tenant.roles) {
      check(role, "allowed_tools", role.allowed_tools, role.allowed_tools_at, registered, problems);
      check(role, "denied_tools", role.denied_tools, role.denied_tools_at, registered, problems);
    }
  }
  return problems.take();
}

}  // namespace usher::config
