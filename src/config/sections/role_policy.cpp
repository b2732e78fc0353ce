// [rbac.roles.<name>.policy]: what a role may do, by action, resource and sensitivity.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/sections/sections.h"
#include "policy/pattern.h"

namespace usher::config {
namespace {

constexpr std::size_t kMaxActionBytes = 256;  // policy::is_action

// Where in domain:operation:resource a text stands: before (even) or within (odd) each of the three parts.
using Place = int;
constexpr Place kWhole = 5;
// One character of each kind that an action may hold; those of a range are alike.
constexpr policy::CodePointRange kKinds[] = {{'a', 'z'}, {'0', '9'}, {'_', '_'}, {'.', '.'}, {':', ':'}};

// nullopt: no action goes on with such a character there.
std::optional<Place> step(Place place, char32_t kind) {
  const bool is_within = place % 2 == 1;
  if (kind == 'a') return place | 1;
  if (kind == ':') return is_within && place != kWhole ? std::optional(place + 1) : std::nullopt;
  if (kind == '.') return place == kWhole ? std::optional(place) : std::nullopt;
  return is_within ? std::optional(place) : std::nullopt;
}

bool holds_any(const policy::Element& element, const policy::CodePointRange& range) {
  return element.is_star || std::ranges::any_of(element.set, [&](const policy::CodePointRange& own) {
           return own.first <= range.last && range.first <= own.last;
         });
}

// Walks the pattern and the grammar of actions together, one character at a time.
class ActionSearch {
 public:
  explicit ActionSearch(const policy::Pattern& pattern) : elements_(pattern.elements) {}

  bool finds_one() {
    add(0, 0);
    for (std::size_t length = 0; length <= kMaxActionBytes && !next_.empty() && !found_; ++length) {
      std::vector<State> now;
      now.swap(next_);
      for (const auto& [at, place] : now) go_on(at, place);
    }
    return found_;
  }

 private:
  using State = std::pair<std::size_t, Place>;  // the elements behind, and where the action stands

  void add(std::size_t at, Place place) {
    if (!seen_.emplace(at, place).second) return;
    if (at == elements_.size()) {
      found_ = found_ || place == kWhole;
      return;
    }
    next_.emplace_back(at, place);
    if (elements_[at].is_star) add(at + 1, place);  // never two stars side by side: no deeper than two
  }

  void go_on(std::size_t at, Place place) {
    for (const policy::CodePointRange& kind : kKinds) {
      const std::optional<Place> then = step(place, kind.first);
      if (then && holds_any(elements_[at], kind)) add(elements_[at].is_star ? at : at + 1, *then);
    }
  }

  const std::vector<policy::Element>& elements_;
  std::set<State> seen_;
  std::vector<State> next_;
  bool found_ = false;
};

bool may_match_action(const std::string& glob) {
  const std::optional<policy::Pattern> pattern = policy::parse_pattern(glob);
  return pattern && ActionSearch(*pattern).finds_one();
}

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
    if (may_match_action(text.value)) continue;
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
