#include "policy/language/alphabet.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <tuple>

namespace usher::policy::language {
namespace {

constexpr ClassId kNoClass = std::numeric_limits<ClassId>::max();
constexpr std::size_t kStepsPerPiece = 16;  // a piece of a set is visited three times and its class sorted

// Pieces are the intervals between neighbouring bounds of all sets, numbered from U+0000 up.
struct PieceRange {
  std::uint32_t first = 0, end = 0;
};

struct Side {
  std::vector<PieceRange> pieces;
  bool is_outside = false;  // the pieces are those the set has not
};

// What the shape of actions tells apart.
const std::vector<CodePointSet>& action_sets() {
  static const std::vector<CodePointSet> sets{
      {{U'a', U'z'}}, {{U'0', U'9'}}, {{U'_', U'_'}}, {{U'.', U'.'}}, {{U':', U':'}}};
  return sets;
}

// From the most to the least readable; together they are everything.
constexpr std::array<CodePointRange, 8> kPreferred{{{U'a', U'z'},
                                                    {U'0', U'9'},
                                                    {U'A', U'Z'},
                                                    {U'!', U'~'},
                                                    {U' ', U' '},
                                                    {0xA1, 0xD7FF},
                                                    {0xE000, 0x10FFFF},
                                                    {0, 0x10FFFF}}};

struct Choice {
  std::size_t rank = kPreferred.size();
  char32_t value = 0;
  friend auto operator<=>(const Choice&, const Choice&) = default;
};

Choice best_in(char32_t first, char32_t last) {
  for (std::size_t rank = 0; rank < kPreferred.size(); ++rank) {
    const char32_t low = std::max(first, kPreferred[rank].first);
    if (low <= std::min(last, kPreferred[rank].last)) return {rank, low};
  }
  return {};
}

class Partition {
 public:
  Partition(const std::vector<CodePointSet>& sets, Budget& budget) : budget_(budget) {
    collect_bounds(sets);
    for (const CodePointSet& set : action_sets()) split(side_of(set));
    sides_.reserve(sets.size());
    for (const CodePointSet& set : sets) {
      sides_.push_back(side_of(set));
      split(sides_.back());
      if (budget_.is_spent()) return;
    }
  }

  std::size_t classes() const { return sizes_.size(); }
  const std::vector<Side>& sides() const { return sides_; }
  ClassId class_of(std::uint32_t piece) const { return class_of_[piece]; }

  std::vector<Choice> choices() const {
    std::vector<Choice> best(sizes_.size());
    for (std::uint32_t piece = 0; piece < class_of_.size(); ++piece) {
      if (class_of_[piece] == kNoClass) continue;
      Choice& choice = best[class_of_[piece]];
      choice = std::min(choice, best_in(bounds_[piece], bounds_[piece + 1] - 1));
    }
    return best;
  }

 private:
  void collect_bounds(const std::vector<CodePointSet>& sets) {
    const auto add = [this](const CodePointSet& set) {
      for (const CodePointRange& range : set) bounds_.insert(bounds_.end(), {range.first, range.last + 1});
    };
    add(all_code_points());
    for (const CodePointSet& set : action_sets()) add(set);
    for (const CodePointSet& set : sets) add(set);
    std::ranges::sort(bounds_);
    bounds_.erase(std::ranges::unique(bounds_).begin(), bounds_.end());
    class_of_.assign(bounds_.size() - 1, kNoClass);
    sizes_.push_back(0);
    for (const PieceRange& range : pieces_of(all_code_points())) {
      for (std::uint32_t piece = range.first; piece < range.end; ++piece) class_of_[piece] = 0;
      sizes_[0] += range.end - range.first;
    }
    budget_.take_steps(bounds_.size() * kStepsPerPiece);
  }

  std::uint32_t piece_at(char32_t bound) const {
    return static_cast<std::uint32_t>(std::ranges::lower_bound(bounds_, bound) - bounds_.begin());
  }

  std::vector<PieceRange> pieces_of(const CodePointSet& set) const {
    std::vector<PieceRange> pieces;
    pieces.reserve(set.size());
    for (const CodePointRange& range : set) pieces.push_back({piece_at(range.first), piece_at(range.last + 1)});
    return pieces;
  }

  static std::size_t count(const std::vector<PieceRange>& pieces) {
    std::size_t sum = 0;
    for (const PieceRange& range : pieces) sum += range.end - range.first;
    return sum;
  }

  // A set and its complement tell the same code points apart: the shorter one is worked with.
  Side side_of(const CodePointSet& set) const {
    Side inside{pieces_of(set), false};
    const std::size_t valid = class_of_.size() - 1;  // all but the surrogates, which are one piece
    if (2 * count(inside.pieces) <= valid) return inside;
    return {pieces_of(complement(set)), true};
  }

  void split(const Side& side) {
    if (!budget_.take_steps((count(side.pieces) + side.pieces.size()) * kStepsPerPiece)) return;
    std::vector<ClassId> touched;
    hits_.resize(sizes_.size(), 0);
    for_each(side, [&](std::uint32_t piece) {
      if (hits_[class_of_[piece]]++ == 0) touched.push_back(class_of_[piece]);
    });
    // A class that lies in the side as a whole stays what it is.
    replaced_.resize(sizes_.size());
    for (const ClassId id : touched) {
      replaced_[id] = id;
      if (hits_[id] < sizes_[id]) {
        replaced_[id] = static_cast<ClassId>(sizes_.size());
        sizes_.push_back(hits_[id]);
        sizes_[id] -= hits_[id];
      }
      hits_[id] = 0;
    }
    for_each(side, [&](std::uint32_t piece) { class_of_[piece] = replaced_[class_of_[piece]]; });
  }

  template <class Visit>
  static void for_each(const Side& side, Visit visit) {
    for (const PieceRange& range : side.pieces) {
      for (std::uint32_t piece = range.first; piece < range.end; ++piece) visit(piece);
    }
  }

  Budget& budget_;
  std::vector<char32_t> bounds_;
  std::vector<ClassId> class_of_;   // by piece
  std::vector<std::size_t> sizes_;  // by class, in pieces
  std::vector<std::size_t> hits_;   // by class, zero between splits
  std::vector<ClassId> replaced_;   // by class
  std::vector<Side> sides_;
};

}  // namespace

SetId Sets::id_of(const CodePointSet& set) {
  const auto [at, is_new] = ids_.try_emplace(set, static_cast<SetId>(sets_.size()));
  if (is_new) sets_.push_back(set);
  return at->second;
}

std::size_t Sets::Hash::operator()(const CodePointSet& set) const {
  std::uint64_t hash = set.size();
  for (const CodePointRange& range : set) {
    hash = (hash ^ ((std::uint64_t{range.first} << 32) | range.last)) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 29;
  }
  return static_cast<std::size_t>(hash);
}

Alphabet::Alphabet(const Sets& sets, Budget& budget) {
  const Partition partition(sets.all(), budget);
  if (budget.is_spent()) return;
  const std::vector<Choice> choices = partition.choices();
  std::vector<ClassId> order(partition.classes());
  std::iota(order.begin(), order.end(), ClassId{0});
  std::ranges::sort(order, {}, [&](ClassId id) { return choices[id]; });
  std::vector<ClassId> renumbered(order.size());
  for (ClassId id = 0; id < order.size(); ++id) {
    renumbered[order[id]] = id;
    const char32_t c = choices[order[id]].value;
    representatives_.push_back(c);
    kinds_.push_back(action_character(c));
    if (kinds_.back() != ActionCharacter::none) by_kind_[static_cast<std::size_t>(kinds_.back())].push_back(id);
  }
  members_.reserve(partition.sides().size());
  for (const Side& side : partition.sides()) {
    Members& members = members_.emplace_back();
    members.is_negated = side.is_outside;
    for (const PieceRange& range : side.pieces) {
      for (std::uint32_t piece = range.first; piece < range.end; ++piece) {
        members.named.push_back(renumbered[partition.class_of(piece)]);
      }
    }
    std::ranges::sort(members.named);
    members.named.erase(std::ranges::unique(members.named).begin(), members.named.end());
  }
}

bool Alphabet::contains(SetId set, ClassId id) const {
  const Members& members = members_[set];
  const bool is_named =
      members.named.size() == 1 ? members.named.front() == id : std::ranges::binary_search(members.named, id);
  return is_named != members.is_negated;
}

void append_utf8(std::string& text, char32_t c) {
  const auto put = [&text](char32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xC0 | (c >> 6));
  } else if (c < 0x10000) {
    put(0xE0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3F));
  } else {
    put(0xF0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3F));
    put(0x80 | ((c >> 6) & 0x3F));
  }
  put(0x80 | (c & 0x3F));
}

}  // namespace usher::policy::language
