#include "audit/check/verify.h"

#include <fmt/format.h>

#include <limits>

namespace usher::audit {
namespace {

// Takes the rows in order and holds each against the one before and the checkpoints; remembers the first that is wrong.
class RowVerifier {
 public:
  explicit RowVerifier(const History& history) : history_(history) {}

  // False when something was found.
  bool add(std::uint64_t number, const Result<Row>& row) {
    if (number != head_.size() + 1) {
      return found({.row = head_.size() + 1,
                    .what = fmt::format("row {} is missing", head_.size() + 1),
                    .expected = fmt::format("row {}", head_.size() + 1),
                    .found = fmt::format("row {}", number)});
    }
    if (!row) {
      return found({.row = number, .what = fmt::format("row {} was changed: {}", number, row.error().message)});
    }
    const Digest expected = hash_of(*row, head_.last);
    if (expected != row->hash) {
      return found({.row = number,
                    .what = fmt::format(
                        "row {} was changed, or the one before it: its hash is not that of what it says", number),
                    .expected = to_hex(expected),
                    .found = to_hex(row->hash)});
    }
    head_.add(*row);
    return check_signed();
  }

  // After the last row.
  void finish(const Result<Head>& stored) {
    const std::uint64_t rows = head_.size();
    if (history_.signed_rows() > rows) {
      found({.row = rows + 1,
             .what = fmt::format("row {} is missing: the end of the ledger was cut off", rows + 1),
             .expected = fmt::format("{} rows or more, as the newest checkpoint says", history_.signed_rows()),
             .found = fmt::format("{} rows", rows)});
    } else if (!stored) {
      found({.what = stored.error().message});
    } else if (stored->size() != rows) {
      found({.row = rows + 1,
             .what = fmt::format("row {} is missing, or the stored head was changed", rows + 1),
             .expected = fmt::format("{} rows, as the stored head says", stored->size()),
             .found = fmt::format("{} rows", rows)});
    } else if (*stored != head_) {
      found({.what = "the stored head was changed: it is not that of the rows",
             .expected = head_.frontier.to_text(),
             .found = stored->frontier.to_text()});
    }
  }

  VerifyReport report() const {
    return {.rows = head_.size(),
            .checkpoints = next_,
            .signed_rows = next_ == 0 ? 0 : history_.checkpoints[next_ - 1].checkpoint.size,
            .root = head_.frontier.root(),
            .finding = finding_};
  }

 private:
  bool found(Finding finding) {
    if (!finding_) finding_ = std::move(finding);
    return false;
  }

  bool check_signed() {
    if (next_ == history_.checkpoints.size()) return true;
    const Checkpoint& checkpoint = history_.checkpoints[next_].checkpoint;
    if (checkpoint.size != head_.size()) return true;
    const std::uint64_t good = next_ == 0 ? 0 : history_.checkpoints[next_ - 1].checkpoint.size;
    if (checkpoint.root != head_.frontier.root()) {
      return found({.row = good + 1,
                    .what = fmt::format("one of the rows {} to {} was rewritten: they are not those that were signed",
                                        good + 1, checkpoint.size),
                    .expected = to_hex(checkpoint.root),
                    .found = to_hex(head_.frontier.root())});
    }
    ++next_;
    return true;
  }

  const History& history_;
  Head head_;
  std::size_t next_ = 0;  // checkpoint that is not reached yet
  std::optional<Finding> finding_;
};

void add_notices(VerifyReport& report) {
  if (report.rows == report.signed_rows) return;
  if (report.checkpoints == 0) {
    report.notices.push_back(
        "there is no checkpoint: a cut tail cannot be excluded, nor a ledger rewritten as a whole");
  } else {
    report.notices.push_back(
        fmt::format("rows {} to {} are newer than the newest checkpoint: nobody has signed them yet",
                    report.signed_rows + 1, report.rows));
  }
}

// There is no ledger, or one in which nothing is: what was signed, or closed segments, say that there was one.
Result<VerifyReport> report_missing(const VerifyRequest& request, History history, const Error& error) {
  const std::vector<Segment> segments = find_segments(request.file);
  const std::uint64_t closed = segments.empty() ? 0 : segments.back().last;
  VerifyReport report{.finding = std::move(history.finding), .notices = std::move(history.notices)};
  if (history.signed_rows() > closed) {
    report.finding =
        Finding{.row = closed + 1,
                .what = fmt::format("row {} is missing: {}", closed + 1, error.message),
                .expected = fmt::format("{} rows or more, as the newest checkpoint says", history.signed_rows()),
                .found = fmt::format("{} rows", closed)};
  } else if (closed > 0) {
    report.finding = Finding{.what = fmt::format("{}, but closed segments are beside it", error.message)};
  }
  if (!report.finding) return fail(error);
  return report;
}

}  // namespace

Result<VerifyReport> verify_ledger(const VerifyRequest& request) {
  // Before the rows: a checkpoint that is signed meanwhile must not count rows that are not seen.
  Result<History> history = read_history(request.checkpoint_file, request.key, request.origin);
  if (!history) return fail(std::move(history.error()));
  Result<std::unique_ptr<LedgerReader>> reader = open_ledger_reader(request.file);
  if (!reader && reader.error().kind == ErrorKind::not_found) {
    return report_missing(request, std::move(*history), reader.error());
  }
  if (!reader && reader.error().kind == ErrorKind::invalid) {
    return VerifyReport{.finding = Finding{.what = reader.error().message}, .notices = std::move(history->notices)};
  }
  if (!reader) return fail(std::move(reader.error()));
  RowVerifier verifier(*history);
  Result<void> read =
      (*reader)->each_row(0, std::numeric_limits<std::int64_t>::max(),
                          [&](std::uint64_t number, const Result<Row>& row) { return verifier.add(number, row); });
  if (!read) return fail(std::move(read.error()));
  Result<Head> stored = (*reader)->head();
  if (!stored && stored.error().kind != ErrorKind::invalid) return fail(std::move(stored.error()));
  verifier.finish(stored);
  VerifyReport report = verifier.report();
  // A row that is wrong says more than a checkpoint that is.
  if (!report.finding) report.finding = history->finding;
  report.notices = std::move(history->notices);
  if (!report.finding) add_notices(report);
  return report;
}

}  // namespace usher::audit
