#include "audit/check/bundle.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "audit/tree/proof.h"

namespace usher::audit {
namespace {

json::array hex_of(const Proof& proof) {
  json::array list;
  for (const Digest& hash : proof) list.push_back(json::string(to_hex(hash)));
  return list;
}

// Those that a bundle needs, by size.
Result<std::vector<SignedCheckpoint>> choose(const History& history, const BundleRange& range) {
  const std::vector<SignedCheckpoint>& all = history.checkpoints;
  const auto size_of = [](const SignedCheckpoint& each) { return each.checkpoint.size; };
  if (range.first < 1 || range.last < range.first) {
    return fail(ErrorKind::invalid, fmt::format("rows {} to {} are no range", range.first, range.last));
  }
  const auto covering = std::ranges::lower_bound(all, range.last, {}, size_of);
  if (covering == all.end()) {
    return fail(ErrorKind::invalid, fmt::format("row {} is not signed yet: the newest checkpoint is of {} rows",
                                                range.last, history.signed_rows()));
  }
  std::vector<SignedCheckpoint> chosen;
  const auto after_before = std::ranges::lower_bound(all, range.first, {}, size_of);
  const bool has_before = after_before != all.begin() && size_of(*std::prev(after_before)) > 0;
  if (has_before) chosen.push_back(*std::prev(after_before));
  chosen.push_back(*covering);
  if (size_of(all.back()) != size_of(*covering)) chosen.push_back(all.back());
  return chosen;
}

// One pass over the rows makes all proofs.
class Proofs {
 public:
  Proofs(const std::vector<SignedCheckpoint>& checkpoints, const BundleRange& range) : range_(range) {
    for (std::size_t i = 1; i < checkpoints.size(); ++i) {
      const std::uint64_t old_size = checkpoints[i - 1].checkpoint.size;
      const std::uint64_t size = checkpoints[i].checkpoint.size;
      steps_.push_back({old_size, size, ProofMaker::consistency(old_size, size)});
    }
    const auto covering = std::ranges::find_if(
        checkpoints, [&](const SignedCheckpoint& each) { return each.checkpoint.size >= range.last; });
    for (const std::uint64_t row : {range.first, range.last}) {
      const std::uint64_t size = covering->checkpoint.size;
      rows_.push_back({row, size, ProofMaker::inclusion(row - 1, size)});
    }
  }

  void add(const Row& row) {
    if (row.number + 1 == range_.first) previous_ = row.hash;
    for (Making& each : steps_) each.maker.add(row.hash);
    for (Making& each : rows_) each.maker.add(row.hash);
  }

  json::object header(const std::vector<SignedCheckpoint>& checkpoints) const {
    json::array notes, inclusion, consistency;
    for (const SignedCheckpoint& each : checkpoints) notes.push_back(json::string(each.note));
    for (const Making& each : rows_) {
      inclusion.push_back({{"row", each.from}, {"size", each.size}, {"proof", hex_of(each.maker.proof())}});
    }
    for (const Making& each : steps_) {
      consistency.push_back({{"old_size", each.from}, {"size", each.size}, {"proof", hex_of(each.maker.proof())}});
    }
    return {{"usher_bundle", 1},
            {"first", range_.first},
            {"last", range_.last},
            {"previous", to_hex(previous_)},
            {"checkpoints", std::move(notes)},
            {"inclusion", std::move(inclusion)},
            {"consistency", std::move(consistency)}};
  }

 private:
  struct Making {
    std::uint64_t from;
    std::uint64_t size;
    ProofMaker maker;
  };
  BundleRange range_;
  Digest previous_{};
  std::vector<Making> steps_;
  std::vector<Making> rows_;
};

// Calls on_row with rows first to last; invalid when one of them is missing or unreadable.
Result<void> each_good_row(LedgerReader& reader, std::uint64_t first, std::uint64_t last,
                           const std::function<bool(const Row&)>& on_row) {
  std::uint64_t next = first;
  bool goes_on = true;
  Result<void> read = reader.each_row(first, last, [&](std::uint64_t number, const Result<Row>& row) {
    if (!row || number != next) return false;
    ++next;
    goes_on = on_row(*row);
    return goes_on;
  });
  if (!read || !goes_on || next == last + 1) return read;
  return fail(ErrorKind::invalid, fmt::format("row {} is missing or was changed: see usher audit verify", next));
}

}  // namespace

Result<void> make_bundle(LedgerReader& reader, const History& history, const BundleRange& range,
                         const std::function<bool(std::string_view line)>& on_line) {
  Result<std::vector<SignedCheckpoint>> checkpoints = choose(history, range);
  if (!checkpoints) return fail(std::move(checkpoints.error()));
  Proofs proofs(*checkpoints, range);
  Frontier frontier;
  Result<void> read = each_good_row(reader, 1, checkpoints->back().checkpoint.size, [&](const Row& row) {
    proofs.add(row);
    frontier.add(row.hash);
    return true;
  });
  if (!read) return read;
  if (frontier.root() != checkpoints->back().checkpoint.root) {
    return fail(ErrorKind::invalid, "the rows are not those of the newest checkpoint: see usher audit verify");
  }
  if (!on_line(json::serialize(proofs.header(*checkpoints)))) return {};
  return each_good_row(reader, range.first, range.last,
                       [&](const Row& row) { return on_line(json::serialize(to_json(row))); });
}

}  // namespace usher::audit
