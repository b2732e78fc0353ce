#include "policy/policy.h"

#include <fmt/format.h>

#include <map>
#include <mutex>
#include <optional>

#include "policy/language/action_shape.h"
#include "policy/matcher.h"
#include "policy/narrowing.h"

namespace usher::policy {
namespace {

constexpr std::size_t kMaxRemembered = 512;  // answers of may_allow

const std::string* at(const std::vector<std::string>& list, std::int32_t index) {
  return index == FirstMatches::kNone ? nullptr : &list[static_cast<std::size_t>(index)];
}

std::string detail_of(const Request& request, const Verdict& verdict, int max_level) {
  const std::string action = fmt::format("Action '{}'", request.action);
  switch (verdict.rule) {
    case Rule::denied_actions:
      return fmt::format("{} denied: matched deny pattern '{}'", action, *verdict.pattern);
    case Rule::allowed_actions:
      return fmt::format("{} denied: matched no allow pattern", action);
    case Rule::denied_resources:
      return fmt::format("{} denied: resource '{}' matched deny pattern '{}'", action, request.resource,
                         *verdict.pattern);
    case Rule::allowed_resources:
      return fmt::format("{} denied: resource '{}' matched no allow pattern", action, request.resource);
    case Rule::sensitivity:
      return fmt::format("{} denied: sensitivity {} exceeds maximum {}", action, request.sensitivity, max_level);
    case Rule::allowed:
      break;
  }
  return fmt::format("{} allowed: matched allow pattern '{}'", action, *verdict.pattern);
}

}  // namespace

const char* to_string(Rule rule) {
  switch (rule) {
    case Rule::denied_actions:
      return "denied_actions";
    case Rule::allowed_actions:
      return "allowed_actions";
    case Rule::denied_resources:
      return "denied_resources";
    case Rule::allowed_resources:
      return "allowed_resources";
    case Rule::sensitivity:
      return "sensitivity";
    case Rule::allowed:
      break;
  }
  return "allowed";
}

bool is_action(std::string_view text) {
  if (text.size() > kMaxActionBytes) return false;
  auto shape = language::ActionShape::begin;
  for (const char c : text) shape = step(shape, language::action_character(static_cast<unsigned char>(c)));
  return is_final(shape);
}

struct Policy::Compiled {
  using MakeMatcher = std::unique_ptr<const Matcher> (*)(const std::vector<std::string>& denied,
                                                         const std::vector<std::string>& allowed);
  Compiled(PolicyDocument written, MakeMatcher make)
      : document(std::move(written)),
        hash(to_hex(digest_of(document))),
        actions(make(document.denied_actions, document.allowed_actions)),
        resources(make(document.denied_resources, document.allowed_resources)) {}

  const PolicyDocument document;
  const std::string hash;
  const std::unique_ptr<const Matcher> actions;
  const std::unique_ptr<const Matcher> resources;

  mutable std::mutex mutex;  // of what may_allow remembers
  mutable std::map<std::pair<std::string, int>, bool> may_allow;
};

Policy::Policy(std::unique_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
Policy::~Policy() = default;

Result<std::shared_ptr<const Policy>> Policy::compile(PolicyDocument document) {
  Result<void> checked = check(document);
  if (!checked) return fail(std::move(checked.error()));
  return std::shared_ptr<const Policy>(new Policy(std::make_unique<const Compiled>(std::move(document), make_matcher)));
}

Result<std::shared_ptr<const Policy>> Policy::compile_bounded(PolicyDocument document) {
  Result<void> checked = check(document);
  if (!checked) return fail(std::move(checked.error()));
  auto compiled = std::make_unique<const Compiled>(std::move(document), make_bounded_matcher);
  if (!compiled->actions || !compiled->resources) {
    return fail(ErrorKind::invalid,
                "the policy is too intricate: write fewer patterns, or fewer stars and sets within them");
  }
  return std::shared_ptr<const Policy>(new Policy(std::move(compiled)));
}

const PolicyDocument& Policy::document() const { return compiled_->document; }
const std::string& Policy::hash() const { return compiled_->hash; }

Verdict Policy::judge(const Request& request) const {
  const PolicyDocument& document = compiled_->document;
  const FirstMatches action = compiled_->actions->match(request.action);
  if (action.denied != FirstMatches::kNone) {
    return {false, Rule::denied_actions, at(document.denied_actions, action.denied)};
  }
  if (action.allowed == FirstMatches::kNone) return {false, Rule::allowed_actions, nullptr};
  const FirstMatches resource = compiled_->resources->match(request.resource);
  if (resource.denied != FirstMatches::kNone) {
    return {false, Rule::denied_resources, at(document.denied_resources, resource.denied)};
  }
  if (resource.allowed == FirstMatches::kNone) return {false, Rule::allowed_resources, nullptr};
  if (request.sensitivity > document.max_sensitivity_level || request.sensitivity < 0) {
    return {false, Rule::sensitivity, nullptr};
  }
  return {true, Rule::allowed, at(document.allowed_actions, action.allowed)};
}

Decision Policy::decide(const Request& request) const {
  const Verdict verdict = judge(request);
  return {.allowed = verdict.allowed,
          .rule = verdict.rule,
          .pattern = verdict.pattern ? *verdict.pattern : "",
          .detail = detail_of(request, verdict, compiled_->document.max_sensitivity_level)};
}

bool Policy::may_allow(std::string_view action_glob, int sensitivity) const {
  const std::pair<std::string, int> asked(action_glob, sensitivity);
  {
    const std::lock_guard lock(compiled_->mutex);
    const auto known = compiled_->may_allow.find(asked);
    if (known != compiled_->may_allow.end()) return known->second;
  }
  const bool may = may_grant(compiled_->document, action_glob, sensitivity);
  const std::lock_guard lock(compiled_->mutex);
  if (compiled_->may_allow.size() < kMaxRemembered) compiled_->may_allow.emplace(asked, may);
  return may;
}

}  // namespace usher::policy
