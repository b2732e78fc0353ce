#include "scan.h"

#include <fnmatch.h>

#include <algorithm>

namespace usher::bench {

namespace {

bool matches_any(const std::vector<std::string>& patterns, const std::string& text) {
  return std::ranges::any_of(patterns, [&](const std::string& pattern) {
    return ::fnmatch(pattern.c_str(), text.c_str(), FNM_NOESCAPE) == 0;
  });
}

}  // namespace

policy::Rule FnmatchScan::judge(const TestRequest& request) const {
  using policy::Rule;
  if (matches_any(document_.denied_actions, request.action)) return Rule::denied_actions;
  if (!matches_any(document_.allowed_actions, request.action)) return Rule::allowed_actions;
  if (matches_any(document_.denied_resources, request.resource)) return Rule::denied_resources;
  if (!matches_any(document_.allowed_resources, request.resource)) return Rule::allowed_resources;
  return request.sensitivity > document_.max_sensitivity_level ? Rule::sensitivity : Rule::allowed;
}

}  // namespace usher::bench
