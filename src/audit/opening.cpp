#include "audit/opening.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "audit/note/checkpoint_file.h"

namespace usher::audit {
namespace {

std::unexpected<Error> refuse(const LedgerOptions& options, const std::string& why) {
  return fail(
      ErrorKind::denied,
      fmt::format("the ledger {} was changed: {}. Nothing starts on it: run `usher audit verify`, keep a copy, and "
                  "put a backup in its place, or move it and {} away to begin a new one",
                  options.file.string(), why, options.checkpoint_file.string()));
}

// Where to begin reading: behind a frontier that the signature vouches for, or at the first row.
Result<Frontier> trusted_frontier(LedgerReader& reader, const std::optional<Checkpoint>& checkpoint) {
  if (!checkpoint) return Frontier();
  Result<std::optional<Frontier>> anchor = reader.anchor(checkpoint->size);
  if (!anchor) return fail(std::move(anchor.error()));
  const bool is_signed = *anchor && (*anchor)->root() == checkpoint->root;
  return is_signed ? std::move(**anchor) : Frontier();
}

// The hash of the row with that number. `wrong` says so when it is not that of what the row says.
Result<Digest> hash_at(LedgerReader& reader, std::uint64_t number, std::string& wrong) {
  Digest hash{};
  if (number == 0) return hash;
  bool is_right = false;
  const auto on_row = [&](std::uint64_t at, const Result<Row>& row) {
    if (at == number) is_right = row && hash_of(*row, hash) == row->hash;
    if (row) hash = row->hash;
    return row.has_value();
  };
  Result<void> read = reader.each_row(std::max<std::uint64_t>(number, 2) - 1, number, on_row);
  if (!read) return fail(std::move(read.error()));
  if (!is_right) wrong = fmt::format("row {} is missing or is not what its hash says", number);
  return hash;
}

// Reads on from `head` to the end, unless something is wrong already.
Result<void> replay(LedgerReader& reader, Head& head, const std::optional<Checkpoint>& checkpoint, std::string& wrong) {
  if (!wrong.empty()) return {};
  const auto on_row = [&](std::uint64_t number, const Result<Row>& row) {
    if (number != head.size() + 1) {
      wrong = fmt::format("row {} is missing", head.size() + 1);
    } else if (!row || hash_of(*row, head.last) != row->hash) {
      wrong = fmt::format("row {} is not what its hash says", number);
    } else {
      head.add(*row);
      if (checkpoint && checkpoint->size == number && checkpoint->root != head.frontier.root()) {
        wrong = fmt::format("its first {} rows are not those of the newest checkpoint", number);
      }
    }
    return wrong.empty();
  };
  return reader.each_row(head.size() + 1, std::numeric_limits<std::int64_t>::max(), on_row);
}

Result<Opened> check_rows(LedgerReader& reader, const std::optional<Checkpoint>& signed_last,
                          const LedgerOptions& options) {
  Result<Head> stored = reader.head();
  if (!stored && stored.error().kind == ErrorKind::invalid) return refuse(options, stored.error().message);
  if (!stored) return fail(std::move(stored.error()));
  const std::uint64_t signed_rows = signed_last ? signed_last->size : 0;
  if (signed_rows > stored->size()) {
    return refuse(options, fmt::format("{} is signed for {} rows, and it has {}", options.checkpoint_file.string(),
                                       signed_rows, stored->size()));
  }
  Result<Frontier> trusted = trusted_frontier(reader, signed_last);
  if (!trusted) return fail(std::move(trusted.error()));
  Head head{.frontier = std::move(*trusted)};
  std::string wrong;
  Result<Digest> last = hash_at(reader, head.size(), wrong);
  if (!last) return fail(std::move(last.error()));
  head.last = *last;
  Result<void> read = replay(reader, head, signed_last, wrong);
  if (!read) return fail(std::move(read.error()));
  if (!wrong.empty()) return refuse(options, wrong);
  if (head != *stored) return refuse(options, "its rows do not lead to its stored head");
  return Opened{.rows = head.size(), .signed_rows = signed_rows};
}

}  // namespace

Result<Opened> check_before_opening(const LedgerOptions& options) {
  Result<std::optional<Checkpoint>> checkpoint = newest_checkpoint(options.checkpoint_file, options.key.verify_key());
  if (!checkpoint) {
    return fail(checkpoint.error().kind,
                fmt::format("{}. After a change of keys, move the file away", checkpoint.error().message));
  }
  Result<std::unique_ptr<LedgerReader>> reader = open_ledger_reader(options.file);
  if (reader) return check_rows(**reader, *checkpoint, options);
  if (reader.error().kind == ErrorKind::invalid) return refuse(options, reader.error().message);
  if (reader.error().kind != ErrorKind::not_found) return fail(std::move(reader.error()));
  if (*checkpoint) {
    return refuse(options, fmt::format("{} is signed for {} rows, and it is gone or empty",
                                       options.checkpoint_file.string(), (*checkpoint)->size));
  }
  if (!find_segments(options.file).empty()) return refuse(options, "closed segments are there, and it is gone");
  return Opened();
}

}  // namespace usher::audit
