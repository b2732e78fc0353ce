#include "policy/language/search.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "policy/language/action_shape.h"
#include "policy/language/plain_inclusion.h"
#include "policy/policy.h"

namespace usher::policy::language {
namespace {

constexpr std::size_t kStepsPerNode = 32;
// Once a search has taken so many steps for each pattern of the right side, it is as cheap to try whether inclusion can
// be read off the patterns.
constexpr std::size_t kPatiencePerPattern = 16;

// A node is reached by some text; what may follow is L(one) ∩ L(other) ∩ shape, without L(right).
struct Left {
  PositionId one = 0, other = 0;
  ActionShape shape = ActionShape::free;
};

struct Node {
  Left left;
  UnionId right = 0;
  std::uint32_t parent = 0;
  ClassId by = 0;
  bool is_dropped = false;
};

// Breadth first, so the first text found is a shortest. A node may be left out as soon as another one, reached by a
// text that is no longer, allows all that it allows: here one with the same left side and a right side within its own.
class Search {
 public:
  Search(const Space& space, UnionId right, Texts texts)
      : alphabet_(space.alphabet),
        positions_(space.positions),
        unions_(space.unions),
        budget_(space.budget),
        right_(right),
        texts_(texts),
        steps_at_begin_(space.budget.steps_left()) {}

  std::optional<std::string> run(std::span<const Both> left) {
    const ActionShape shape = texts_ == Texts::actions ? ActionShape::begin : ActionShape::free;
    for (const Both& both : left) {
      add({{both.one, both.other, shape}, right_, kNoParent, 0});
      if (is_over()) return result();
    }
    std::size_t next = 0;
    for (std::size_t length = 0; next < nodes_.size() && has_room_after(length); ++length) {
      level_ = nodes_.size();
      for (; next < level_; ++next) {
        if (nodes_[next].is_dropped) continue;
        if (is_worth_a_look() && are_plainly_within(left)) return std::nullopt;
        if (budget_.take_state()) expand(static_cast<std::uint32_t>(next));
        if (is_over()) return result();
      }
    }
    return std::nullopt;
  }

 private:
  static constexpr std::uint32_t kNoParent = ~std::uint32_t{0};

  bool has_room_after(std::size_t length) const { return texts_ == Texts::any || length < kMaxActionBytes; }
  bool is_over() const { return found_ != kNoParent || budget_.is_spent(); }

  // Once in a search. Where the shape of actions is asked for, some text is known already.
  bool is_worth_a_look() {
    const std::size_t patience = unions_.positions(right_).size() * kPatiencePerPattern;
    if (has_looked_ || texts_ == Texts::actions || steps_at_begin_ - budget_.steps_left() <= patience) return false;
    has_looked_ = true;
    return true;
  }

  bool are_plainly_within(std::span<const Both> left) const {
    const auto is_within = [this](PositionId inner) {
      return std::ranges::any_of(unions_.positions(right_), [&](PositionId outer) {
        return is_plainly_within(positions_, alphabet_, inner, outer, budget_);
      });
    };
    return std::ranges::all_of(left, [&](const Both& both) { return is_within(both.one) || is_within(both.other); });
  }

  std::optional<std::string> result() const {
    if (found_ == kNoParent) return std::nullopt;
    std::vector<ClassId> backwards;
    for (std::uint32_t at = found_; nodes_[at].parent != kNoParent; at = nodes_[at].parent) {
      backwards.push_back(nodes_[at].by);
    }
    std::string text;
    for (std::size_t i = backwards.size(); i-- > 0;) append_utf8(text, alphabet_.representative(backwards[i]));
    return text;
  }

  void expand(std::uint32_t index) {
    const Left left = nodes_[index].left;
    const UnionId right = nodes_[index].right;
    collect_classes(left, right);
    for (const ClassId c : classes_) {
      const ActionShape shape = step(left.shape, alphabet_.kind(c));
      if (shape == ActionShape::broken) continue;
      const After one = after(left.one, c);
      const After other = after(left.other, c);
      if (one.count == 0 || other.count == 0) continue;
      const UnionId to = unions_.step(right, c);
      if (to == Unions::kAnything) continue;
      for (std::size_t i = 0; i < one.count; ++i) {
        for (std::size_t k = 0; k < other.count; ++k) {
          add({{one.positions[i], other.positions[k], shape}, to, index, c});
          if (is_over()) return;
        }
      }
    }
  }

  struct After {
    PositionId positions[2] = {0, 0};
    std::size_t count = 0;
  };

  After after(PositionId id, ClassId c) const {
    const Position& position = positions_[id];
    const bool advances = !position.is_end() && alphabet_.contains(position.set, c);
    After result;
    if (advances) result.positions[result.count++] = position.next;
    // A star that comes next allows all that staying would allow.
    if (position.loops && !(advances && positions_[position.next].loops)) result.positions[result.count++] = id;
    return result;
  }

  // One class of each kind that this node can tell apart, in the order of classes.
  void collect_classes(const Left& left, UnionId right) {
    classes_.clear();
    for (const PositionId id : {left.one, left.other}) {
      const Position& position = positions_[id];
      if (position.is_end() || position.loops || alphabet_.is_negated(position.set)) continue;
      take_named(position.set);
      return;  // only these lead on
    }
    const std::span<const ClassId> named = unions_.named(right);
    budget_.take_steps(named.size());
    classes_.assign(named.begin(), named.end());
    for (const PositionId id : {left.one, left.other}) {
      if (!positions_[id].is_end()) take_named(positions_[id].set);
    }
    std::ranges::sort(classes_);
    classes_.erase(std::ranges::unique(classes_).begin(), classes_.end());
    add_unnamed(left.shape);
  }

  void take_named(SetId set) {
    const std::span<const ClassId> named = alphabet_.named(set);
    budget_.take_steps(named.size());
    classes_.insert(classes_.end(), named.begin(), named.end());
  }

  // To the sorted classes that somebody names, one of those that nobody does: for a shape, one of each of its kinds.
  void add_unnamed(ActionShape shape) {
    const std::size_t named = classes_.size();
    if (shape == ActionShape::free) {
      ClassId c = 0;
      while (c < named && classes_[c] == c) ++c;
      if (c < alphabet_.size()) classes_.insert(classes_.begin() + c, c);
      return;
    }
    for (std::size_t kind = 0; kind < kActionCharacters; ++kind) {
      for (const ClassId c : alphabet_.of_kind(static_cast<ActionCharacter>(kind))) {
        if (std::binary_search(classes_.begin(), classes_.begin() + static_cast<std::ptrdiff_t>(named), c)) continue;
        classes_.push_back(c);
        break;
      }
    }
    std::ranges::sort(classes_);
  }

  void add(const Node& node) {
    if (!budget_.take_steps(kStepsPerNode)) return;
    if (unions_.covers(node.right, node.left.one) || unions_.covers(node.right, node.left.other)) return;
    std::vector<std::uint32_t>& rivals = strongest_[key(node.left)];
    for (std::size_t i = 0; i < rivals.size();) {
      if (unions_.within(nodes_[rivals[i]].right, node.right)) return;
      if (!unions_.within(node.right, nodes_[rivals[i]].right)) {
        ++i;
        continue;
      }
      // A shorter text's node must still be walked through: a shortest text may lead through it.
      if (rivals[i] >= level_) nodes_[rivals[i]].is_dropped = true;
      rivals[i] = rivals.back();
      rivals.pop_back();
    }
    const auto index = static_cast<std::uint32_t>(nodes_.size());
    rivals.push_back(index);
    nodes_.push_back(node);
    const bool is_match =
        positions_[node.left.one].is_end() && positions_[node.left.other].is_end() && is_final(node.left.shape);
    if (is_match && !unions_.is_final(node.right)) found_ = index;
  }

  static std::uint64_t key(const Left& left) {
    return (std::uint64_t{left.one} << 32) | (std::uint64_t{left.other} << 3) | static_cast<std::uint64_t>(left.shape);
  }

  const Alphabet& alphabet_;
  const Positions& positions_;
  Unions& unions_;
  Budget& budget_;
  const UnionId right_;
  const Texts texts_;
  const std::size_t steps_at_begin_;
  bool has_looked_ = false;
  std::vector<Node> nodes_;
  std::size_t level_ = 0;  // the first node of the level that is being made
  std::uint32_t found_ = kNoParent;
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> strongest_;
  std::vector<ClassId> classes_;
};

}  // namespace

std::optional<std::string> find_shortest(const Space& space, std::span<const Both> left, UnionId right, Texts texts) {
  if (space.budget.is_spent()) return std::nullopt;
  return Search(space, right, texts).run(left);
}

}  // namespace usher::policy::language
