#include "app/restore/restored_ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <limits>
#include <optional>
#include <utility>

#include "app/backup/file_copy.h"
#include "app/ledger.h"
#include "audit/check/history.h"
#include "audit/note/checkpoint_file.h"
#include "audit/note/key_file.h"

namespace usher::app {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kPatience{60};  // for a disk that hangs

// Opens the ledger on a loop of its own, for one thing.
template <class Act>
Result<void> with_ledger(const config::Config& config, Act act) {
  asio::io_context loop(1);
  asio::thread_pool pool(1);
  const SystemClock clock;
  auto ledger = open_ledger(config, clock, loop.get_executor(), pool.get_executor(), nullptr);
  if (!ledger) return fail(std::move(ledger.error()));
  Result<void> done = fail(ErrorKind::timeout, "the ledger's disk does not answer");
  const auto threads_are_at_work = asio::make_work_guard(loop);
  asio::co_spawn(loop, act(**ledger), [&](std::exception_ptr error, Result<void> result) {
    done = error ? fail(ErrorKind::internal, "the ledger ended by an exception") : std::move(result);
    loop.stop();
  });
  loop.run_for(kPatience);
  return done;
}

Result<std::optional<audit::Opened>> look_without_checkpoints(config::Config config) {
  config.audit.checkpoint_file = config.gateway.data_dir / ".no-checkpoints";
  return look_at_ledger(config);
}

// Of the signed ones, those of these rows; how many of the others are of no more rows than there are.
std::size_t choose_notes(audit::LedgerReader& reader, const audit::History& history, LedgerFit& fit) {
  audit::Head head;
  std::size_t others = 0;
  auto next = history.checkpoints.begin();
  (void)reader.each_row(1, std::numeric_limits<std::int64_t>::max(), [&](std::uint64_t, const Result<audit::Row>& row) {
    if (!row) return false;
    head.add(*row);
    if (next == history.checkpoints.end() || next->checkpoint.size != head.size()) return true;
    if (next->checkpoint.root == head.frontier.root()) {
      fit.notes.push_back(next->note);
      fit.common_rows = head.size();
    } else {
      ++others;
    }
    ++next;
    return true;
  });
  return others;
}

std::string misfit_of(const fs::path& file, const audit::History& history, std::size_t others, const LedgerFit& fit) {
  if (history.finding) return history.finding->what;
  if (others > 0) {
    return fmt::format(
        "{} proves {} rows, of which the backup has the first {} only; what follows them there is not what "
        "was signed",
        file.native(), fit.signed_rows, fit.common_rows);
  }
  return fmt::format("{} proves {} rows, and the backup has {}: rows {} to {} would be lost", file.native(),
                     fit.signed_rows, fit.rows, fit.rows + 1, fit.signed_rows);
}

}  // namespace

Result<LedgerFit> hold_against_checkpoints(const config::Config& config) {
  const Result<std::optional<audit::Opened>> opened = look_at_ledger(config);
  if (opened) {
    if (!*opened) return LedgerFit();
    return LedgerFit{.rows = (*opened)->rows,
                     .signed_rows = (*opened)->signed_rows,
                     .common_rows = (*opened)->signed_rows,
                     .misfit = {},
                     .notes = {}};
  }
  const Result<std::optional<audit::Opened>> alone = look_without_checkpoints(config);
  if (!alone) return fail(alone.error());
  if (!*alone) return fail(opened.error());
  Result<audit::SigningKey> key = signing_key(config);
  if (!key) return fail(std::move(key.error()));
  const fs::path& file = config.audit.checkpoint_file;
  const Result<audit::History> history = audit::read_history(file, key->verify_key(), config.audit.origin);
  if (!history) return fail(history.error());
  LedgerFit fit{.rows = (*alone)->rows, .signed_rows = history->signed_rows(), .misfit = {}, .notes = {}};
  const auto reader = audit::open_ledger_reader(config.gateway.data_dir / "ledger.db");
  if (!reader && reader.error().kind != ErrorKind::not_found) return fail(reader.error());
  const std::size_t others = reader ? choose_notes(**reader, *history, fit) : 0;
  fit.misfit = misfit_of(file, *history, others, fit);
  return fit;
}

std::optional<std::uint64_t> signed_rows(const config::Config& config) {
  const Result<audit::SigningKey> key = audit::read_key_file(config.audit.key_file);
  if (!key) return std::nullopt;
  const auto newest = audit::newest_checkpoint(config.audit.checkpoint_file, key->verify_key());
  if (!newest || !*newest) return std::nullopt;
  return (*newest)->size;
}

Result<CheckpointsAside> CheckpointsAside::move(const fs::path& file, const fs::path& aside,
                                                const std::vector<std::string>& notes) {
  if (::rename(file.c_str(), aside.c_str()) != 0) {
    return fail(ErrorKind::io,
                fmt::format("cannot move {} to {}: {}", file.native(), aside.native(), std::strerror(errno)));
  }
  CheckpointsAside moved(file, aside);
  std::string text;
  for (const std::string& note : notes) text += note + "\n";
  Result<void> done = text.empty() ? sync_folder(file.parent_path()) : write_synced(file, text);
  if (!done) return fail(std::move(done.error()));
  return moved;
}

CheckpointsAside::CheckpointsAside(fs::path file, fs::path aside) : file_(std::move(file)), aside_(std::move(aside)) {}

CheckpointsAside::CheckpointsAside(CheckpointsAside&& other) noexcept
    : file_(std::exchange(other.file_, {})), aside_(std::move(other.aside_)) {}

CheckpointsAside::~CheckpointsAside() {
  if (!file_.empty()) ::rename(aside_.c_str(), file_.c_str());
}

Result<void> append_to_ledger(const config::Config& config, audit::Record record) {
  return with_ledger(
      config, [&](audit::DurableLedger& ledger) -> Task<Result<void>> { return ledger.append(std::move(record)); });
}

Result<void> sign_ledger(const config::Config& config) {
  return with_ledger(config, [](audit::DurableLedger& ledger) -> Task<Result<void>> { return ledger.checkpoint(); });
}

}  // namespace usher::app
