// The ledger of a data directory: rows in SQLite behind a group-committing thread, checkpoints in a file of their own,
// old rows in closed segments. Several processes may have it open (a command beside the gateway).
//
// Event-loop thread. Lifetime: opened before the loop runs (blocks), destroyed after it and after run() has ended; the
// clock outlives it.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "audit/ledger.h"
#include "audit/note/note.h"
#include "audit/storage/store.h"
#include "base/async.h"
#include "base/clock.h"

namespace usher::audit {

// Hands a signed checkpoint to somebody else, as well as it can.
using Witness = std::function<Task<void>(std::string note)>;

struct LedgerOptions {
  std::filesystem::path file;             // <data_dir>/ledger.db
  std::filesystem::path checkpoint_file;  // <data_dir>/checkpoints
  SigningKey key;
  std::string origin = "usher";
  std::uint64_t checkpoint_rows = 1000;                // sign after so many rows, …
  std::chrono::milliseconds checkpoint_every{60'000};  // … or so long after one
  std::uint64_t rotate_rows = 1'000'000;               // of a segment
  Witness witness;                                     // empty: nobody
  std::size_t max_waiting = 16'384;                    // rows that are not on disk yet; more are refused (limit)
};

class DurableLedger : public Ledger {
 public:
  // Signs checkpoints and closes segments until stop(); then signs what is left.
  virtual Task<void> run() = 0;
  virtual void stop() = 0;
  // Signs all rows that are on disk by now.
  virtual Task<Result<void>> checkpoint() = 0;
};

// Checks first that the ledger goes on where its newest checkpoint left off: the frontier kept from then must have the
// signed root, and the rows since then must lead to the stored head. That is as strong as reading all rows, since
// nobody without the key can make another frontier of that root, and costs only what was written since. Where no
// frontier of the newest checkpoint is kept, all rows are read. denied, with what to do, when the ledger was cut or
// rewritten or the checkpoint is not the key's. `pool` signs and copies; it must be joined before the loop is
// destroyed.
Result<std::unique_ptr<DurableLedger>> open_ledger(LedgerOptions options, const Clock& clock,
                                                   asio::any_io_executor loop, asio::any_io_executor pool);

}  // namespace usher::audit
