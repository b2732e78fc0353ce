#include "policy/narrowing.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "base/text.h"
#include "policy/language/budget.h"
#include "policy/language/dimension.h"

namespace usher::policy {
namespace {

using language::Budget;
using language::Dimension;
using language::Finding;
using language::Kind;
using language::Party;

constexpr const char* kLevelRule = "max_sensitivity_level";
constexpr std::size_t kDescribedViolations = 50;
constexpr std::size_t kDescribedBytes = 300;  // of a pattern or a text

// Two documents side by side.
struct Sides {
  Sides(const PolicyDocument& parent, const PolicyDocument& child, SearchBound bound)
      : budget(bound.max_states),
        actions({parent.allowed_actions, parent.denied_actions}, {child.allowed_actions, child.denied_actions},
                Kind::actions, budget),
        resources({parent.allowed_resources, parent.denied_resources},
                  {child.allowed_resources, child.denied_resources}, Kind::resources, budget) {}

  Budget budget;
  Dimension actions;
  Dimension resources;
};

std::string rule_of(const Finding& finding, const char* dimension) {
  return fmt::format("{}_{}", finding.is_deny ? "denied" : "allowed", dimension);
}

void append(std::vector<Violation>& violations, std::vector<Finding> findings, const char* dimension) {
  for (Finding& finding : findings) {
    std::string rule = rule_of(finding, dimension);
    violations.push_back({std::move(rule), std::move(finding.pattern), std::move(finding.text)});
  }
}

// True only when it is certain. What is granted is a product, so nothing in one dimension is nothing at all.
bool grants_nothing(Sides& sides, Party party) {
  const bool no_action = !sides.actions.has_grants(party);
  if (no_action && !sides.budget.is_spent()) return true;
  const bool no_resource = !sides.resources.has_grants(party);
  return no_resource && !sides.budget.is_spent();
}

class Comparison {
 public:
  Comparison(const PolicyDocument& before, const PolicyDocument& after, SearchBound bound)
      : before_(before), after_(after), sides_(before, after, bound) {}

  // What `inner` grants and the other does not. Each witness differs from what the other grants in one part; the other
  // parts are granted by `inner`. All texts were matched against the patterns when they were found.
  std::vector<Change> beyond(Party inner) {
    std::vector<Change> changes;
    const std::optional<std::string> action = sides_.actions.granted(inner);
    if (!action) return changes;
    const std::optional<std::string> resource = sides_.resources.granted(inner);
    if (!resource) return changes;
    for (Finding& finding : sides_.actions.beyond_grants(inner)) {
      changes.push_back({rule_of(finding, "actions"), finding.pattern, {std::move(finding.text), *resource, 0}});
    }
    for (Finding& finding : sides_.resources.beyond_grants(inner)) {
      changes.push_back({rule_of(finding, "resources"), finding.pattern, {*action, std::move(finding.text), 0}});
    }
    const int inner_level = document(inner).max_sensitivity_level;
    const int outer_level = document(other(inner)).max_sensitivity_level;
    if (inner_level > outer_level) {
      changes.push_back({kLevelRule, std::to_string(inner_level), {*action, *resource, outer_level + 1}});
    }
    return changes;
  }

  bool is_undecided() const { return sides_.budget.is_spent(); }

 private:
  static Party other(Party party) { return party == Party::parent ? Party::child : Party::parent; }
  const PolicyDocument& document(Party party) const { return party == Party::parent ? before_ : after_; }

  const PolicyDocument& before_;
  const PolicyDocument& after_;
  Sides sides_;
};

std::string described(const Violation& violation) {
  const std::string pattern = printable(violation.pattern, kDescribedBytes);
  const std::string witness = printable(violation.witness, kDescribedBytes);
  if (violation.rule.starts_with("denied")) {
    return fmt::format("{} '{}' of the parent denies '{}', which the child does not", violation.rule, pattern, witness);
  }
  return fmt::format("{} '{}' allows '{}', which the parent does not", violation.rule, pattern, witness);
}

}  // namespace

NarrowingResult check_narrowing(const PolicyDocument& parent, const PolicyDocument& child, Narrowing mode,
                                SearchBound bound) {
  NarrowingResult result;
  Sides sides(parent, child, bound);
  if (mode == Narrowing::effective && grants_nothing(sides, Party::child)) {
    result.within = true;
    return result;
  }
  const bool is_strict = mode == Narrowing::strict;
  const auto findings = [&](Dimension& dimension) {
    return is_strict ? dimension.beyond_lists() : dimension.beyond_grants(Party::child);
  };
  append(result.violations, findings(sides.actions), "actions");
  append(result.violations, findings(sides.resources), "resources");
  if (child.max_sensitivity_level > parent.max_sensitivity_level) {
    result.violations.push_back(
        {kLevelRule, std::to_string(child.max_sensitivity_level), std::to_string(parent.max_sensitivity_level + 1)});
  }
  result.undecided = sides.budget.is_spent();
  result.within = !result.undecided && result.violations.empty();
  return result;
}

std::string describe(const NarrowingResult& result) {
  if (result.within) return "child is within its parent";
  std::string text;
  for (std::size_t i = 0; i < result.violations.size() && i < kDescribedViolations; ++i) {
    text += fmt::format("{}{}", i == 0 ? "child is not within its parent: " : "; ", described(result.violations[i]));
  }
  if (result.violations.size() > kDescribedViolations) {
    text += fmt::format("; and {} more", result.violations.size() - kDescribedViolations);
  }
  if (!result.undecided) return text;
  const char* bound = "undecided: the policies are too intricate to compare within the bound";
  return text.empty() ? fmt::format("child is not shown to be within its parent: {}", bound)
                      : fmt::format("{}; the rest is {}", text, bound);
}

Difference compare(const PolicyDocument& before, const PolicyDocument& after, SearchBound bound) {
  Comparison comparison(before, after, bound);
  Difference difference;
  difference.newly_granted = comparison.beyond(Party::child);
  difference.no_longer_granted = comparison.beyond(Party::parent);
  difference.undecided = comparison.is_undecided();
  return difference;
}

bool may_grant(const PolicyDocument& document, std::string_view action_glob, int sensitivity, SearchBound bound) {
  if (sensitivity > document.max_sensitivity_level) return false;
  PolicyDocument asked;
  asked.allowed_actions = {std::string(action_glob)};
  Sides sides(document, asked, bound);
  const bool no_resource = !sides.resources.has_grants(Party::parent);
  if (no_resource && !sides.budget.is_spent()) return false;
  const bool no_action = !sides.actions.has_grants_asked_for();
  return !no_action || sides.budget.is_spent();
}

bool matches_some_action(std::string_view glob, SearchBound bound) {
  const std::vector<std::string> asked{std::string(glob)}, none;
  Budget budget(bound.max_states);
  Dimension actions({asked, none}, {none, none}, Kind::actions, budget);
  const std::optional<std::string> shortest = actions.granted(Party::parent);
  return budget.is_spent() || (shortest && is_action(*shortest));
}

}  // namespace usher::policy
