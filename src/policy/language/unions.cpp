#include "policy/language/unions.h"

#include <algorithm>

namespace usher::policy::language {
namespace {

constexpr std::size_t kStepsPerPosition = 4;
constexpr std::size_t kStepsPerNamed = 16;  // they are sorted
// What a union costs beside its positions: time and, since all are kept, memory.
constexpr std::size_t kStepsPerUnion = 128;

}  // namespace

Unions::Unions(const Positions& positions, const Alphabet& alphabet, Budget& budget)
    : positions_(positions), alphabet_(alphabet), budget_(budget), known_(16, Hash{&unions_}, Equal{&unions_}) {
  unions_.push_back({.positions = {positions_.anything()}, .next = {kAnything}, .is_final = true});
  known_.insert(kAnything);
}

std::size_t Unions::Hash::operator()(UnionId id) const {
  std::uint64_t hash = 0;
  for (const PositionId position : (*unions)[id].positions) {
    hash = (hash ^ position) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 32;
  }
  return static_cast<std::size_t>(hash);
}

UnionId Unions::of(std::vector<PositionId>& positions) {
  std::ranges::sort(positions);
  Union& entry = unions_.emplace_back();
  PositionId covered = 0;  // all before it are equal to one that is kept or lead through it
  for (const PositionId id : positions) {
    if (id < covered) continue;
    if (id == positions_.anything()) {
      unions_.pop_back();
      return kAnything;
    }
    const Position& position = positions_[id];
    covered = position.loops ? position.last_before + 1 : id + 1;
    entry.is_final = entry.is_final || position.is_end();
    entry.positions.push_back(id);
  }
  const auto [known, is_new] = known_.insert(static_cast<UnionId>(unions_.size() - 1));
  if (!is_new) unions_.pop_back();
  return *known;
}

UnionId Unions::step(UnionId id, ClassId c) {
  Union& from = unions_[id];  // stays where it is while others are added
  if (from.next.empty()) open(from);
  const auto at = std::ranges::lower_bound(from.named, c);
  const bool is_named = at != from.named.end() && *at == c;
  const std::size_t slot = is_named ? static_cast<std::size_t>(at - from.named.begin()) : from.named.size();
  if (from.next[slot] != kUnknown) return from.next[slot];
  if (!budget_.take_steps(from.positions.size() * kStepsPerPosition + kStepsPerUnion)) return kAnything;
  scratch_.clear();
  for (const PositionId here : from.positions) {
    const Position& position = positions_[here];
    if (position.loops) scratch_.push_back(here);
    if (!position.is_end() && alphabet_.contains(position.set, c)) scratch_.push_back(position.next);
  }
  const UnionId to = of(scratch_);
  from.next[slot] = to;
  return to;
}

std::span<const ClassId> Unions::named(UnionId id) {
  Union& entry = unions_[id];
  if (entry.next.empty()) open(entry);
  return entry.named;
}

void Unions::open(Union& entry) {
  for (const PositionId id : entry.positions) {
    const Position& position = positions_[id];
    if (position.is_end()) continue;
    const std::span<const ClassId> named = alphabet_.named(position.set);
    if (!budget_.take_steps((named.size() + 1) * kStepsPerNamed)) break;
    entry.named.insert(entry.named.end(), named.begin(), named.end());
  }
  std::ranges::sort(entry.named);
  entry.named.erase(std::ranges::unique(entry.named).begin(), entry.named.end());
  entry.next.assign(entry.named.size() + 1, kUnknown);
}

// Of the positions at or before `position` only the nearest can be it or loop on its way: one farther off that did
// would lead through itself from the nearest one too, which would not be kept.
bool Unions::covers(UnionId id, PositionId position) const {
  const std::vector<PositionId>& kept = unions_[id].positions;
  const auto after = std::ranges::upper_bound(kept, position);
  if (after == kept.begin()) return id == kAnything;
  const PositionId nearest = *std::prev(after);
  return nearest == position || (positions_[nearest].loops && position <= positions_[nearest].last_before) ||
         id == kAnything;
}

// Every position of `small` is one of `large` or leads through one of them that loops. Those of `large` stand for
// intervals that do not overlap, so one pass over both decides.
bool Unions::within(UnionId small, UnionId large) {
  if (small == large || large == kAnything) return true;
  const std::vector<PositionId>& inner = unions_[small].positions;
  const std::vector<PositionId>& outer = unions_[large].positions;
  std::size_t steps = 0, o = 0;
  bool is_within = true;
  for (std::size_t i = 0; i < inner.size() && is_within; ++steps) {
    if (o == outer.size() || inner[i] < outer[o]) {
      is_within = false;
    } else if (inner[i] == outer[o] || (positions_[outer[o]].loops && inner[i] <= positions_[outer[o]].last_before)) {
      ++i;
    } else {
      ++o;
    }
  }
  return budget_.take_steps(steps + 2) && is_within;
}

}  // namespace usher::policy::language
