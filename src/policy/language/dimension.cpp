#include "policy/language/dimension.h"

#include <initializer_list>
#include <stdexcept>
#include <unordered_set>
#include <utility>

#include "policy/glob.h"

namespace usher::policy::language {
namespace {

constexpr std::size_t kStepsPerMatch = 4;
constexpr std::size_t kCharactersPerStep = 16;

// A text that the linear matcher does not confirm: the search is broken, so none of its answers may be believed.
void confirm(bool is_true) {
  if (!is_true) throw std::logic_error("a comparison of policies found a text that its patterns do not bear out");
}

}  // namespace

Dimension::Dimension(PartyGlobs parent, PartyGlobs child, Kind kind, Budget& budget)
    : kind_(kind),
      budget_(budget),
      lists_{{&parent.allowed}, {&parent.denied}, {&child.allowed}, {&child.denied}},
      patterns_(parse()),
      positions_(patterns_, sets_),
      alphabet_(sets_, budget),
      unions_(positions_, alphabet_, budget) {}

std::vector<std::optional<Pattern>> Dimension::parse() {
  std::vector<std::optional<Pattern>> patterns;
  for (Parsed& list : lists_) {
    list.first = patterns.size();
    for (const std::string& glob : *list.globs) {
      patterns.push_back(parse_pattern(glob));
      if (patterns.back()) elements_ += patterns.back()->elements.size();
    }
  }
  return patterns;
}

bool Dimension::can_confirm(const std::optional<std::string>& text) {
  if (!text) return false;
  const std::size_t compared = text->size() * elements_ / kCharactersPerStep;
  return budget_.take_steps(patterns_.size() * kStepsPerMatch + compared);
}

bool Dimension::matches(List list, std::string_view text) const {
  const Parsed& parsed = lists_[list];
  for (std::size_t i = 0; i < parsed.globs->size(); ++i) {
    const std::optional<Pattern>& pattern = patterns_[parsed.first + i];
    if (pattern && policy::matches(*pattern, text)) return true;
  }
  return false;
}

bool Dimension::grants(Party party, std::string_view text) const {
  return matches(allowed_of(party), text) && !matches(denied_of(party), text);
}

template <class Visit>
void Dimension::for_each(List list, Visit visit) {
  const Parsed& parsed = lists_[list];
  std::unordered_set<std::string_view> seen;
  for (std::size_t i = 0; i < parsed.globs->size() && !budget_.is_spent(); ++i) {
    const std::string& glob = (*parsed.globs)[i];
    const std::optional<PositionId> start = positions_.start(parsed.first + i);
    if (start && seen.insert(glob).second) visit(glob, *start);
  }
}

UnionId Dimension::union_of(std::initializer_list<List> lists) {
  std::vector<PositionId> starts;
  for (const List list : lists) {
    const Parsed& parsed = lists_[list];
    for (std::size_t i = 0; i < parsed.globs->size(); ++i) {
      const std::optional<PositionId> start = positions_.start(parsed.first + i);
      if (start) starts.push_back(*start);
    }
  }
  return unions_.of(starts);
}

// Whether there is a text at all is mostly told sooner without the shape of actions.
std::optional<std::string> Dimension::shortest(const std::vector<Both>& left, UnionId right) {
  std::optional<std::string> text = find_shortest(space(), left, right, Texts::any);
  if (text && kind_ == Kind::actions) {
    std::optional<std::string> action = find_shortest(space(), left, right, Texts::actions);
    if (action) return action;
  }
  return text;
}

void Dimension::report(std::vector<Finding>& findings, List list, const std::string& pattern, std::string text) {
  const bool is_deny = list == parent_denied || list == child_denied;
  findings.push_back({is_deny, pattern, std::move(text)});
}

std::vector<Finding> Dimension::beyond_lists() {
  std::vector<Finding> findings;
  const auto compare = [&](List inner, List outer) {
    const UnionId right = union_of({outer});
    for_each(inner, [&](const std::string& glob, PositionId start) {
      std::optional<std::string> text = shortest({{start, positions_.anything()}}, right);
      if (!can_confirm(text)) return;
      confirm(glob_matches(glob, *text) && !matches(outer, *text));
      report(findings, inner, glob, std::move(*text));
    });
  };
  compare(child_allowed, parent_allowed);
  compare(parent_denied, child_denied);
  return findings;
}

std::vector<Finding> Dimension::beyond_grants(Party inner) {
  const Party outer = inner == Party::parent ? Party::child : Party::parent;
  std::vector<Finding> findings;
  const UnionId covered = union_of({allowed_of(outer), denied_of(inner)});
  const UnionId denied = union_of({denied_of(inner)});
  const auto add = [&](List list, const std::string& glob, std::optional<std::string> text) {
    if (!can_confirm(text)) return;
    confirm(glob_matches(glob, *text) && grants(inner, *text) && !grants(outer, *text));
    report(findings, list, glob, std::move(*text));
  };
  std::vector<PositionId> allowed;
  for_each(allowed_of(inner), [&](const std::string& glob, PositionId start) {
    add(allowed_of(inner), glob, shortest({{start, positions_.anything()}}, covered));
    allowed.push_back(start);
  });
  for_each(denied_of(outer), [&](const std::string& glob, PositionId start) {
    // Denied by both as a whole: nothing to look for, whatever is allowed.
    if (!find_shortest(space(), {{{start, positions_.anything()}}}, denied, Texts::any)) return;
    std::vector<Both> left;
    left.reserve(allowed.size());
    for (const PositionId other : allowed) left.push_back({start, other});
    add(denied_of(outer), glob, shortest(left, denied));
  });
  return findings;
}

std::vector<Both> Dimension::allowed_starts(Party party) {
  std::vector<Both> starts;
  for_each(allowed_of(party),
           [&](const std::string&, PositionId start) { starts.push_back({start, positions_.anything()}); });
  return starts;
}

std::optional<std::string> Dimension::granted(Party party) {
  std::optional<std::string> text = shortest(allowed_starts(party), union_of({denied_of(party)}));
  if (!can_confirm(text)) return std::nullopt;
  confirm(grants(party, *text));
  return text;
}

bool Dimension::has_grants(Party party) {
  const std::optional<std::string> text =
      find_shortest(space(), allowed_starts(party), union_of({denied_of(party)}), Texts::any);
  if (!can_confirm(text)) return false;
  confirm(grants(party, *text));
  return true;
}

bool Dimension::has_grants_asked_for() {
  std::vector<Both> left;
  for (const Both& asked : allowed_starts(Party::child)) {
    for (const Both& allowed : allowed_starts(Party::parent)) left.push_back({allowed.one, asked.one});
  }
  const std::optional<std::string> text = find_shortest(space(), left, union_of({parent_denied}), Texts::any);
  if (!can_confirm(text)) return false;
  confirm(grants(Party::parent, *text) && matches(child_allowed, *text));
  return true;
}

}  // namespace usher::policy::language
