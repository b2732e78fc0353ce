// A row of the ledger that is begun before anybody waits for it, so that it is written while something else is.
// Event-loop thread. The ledger outlives it.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>

#include "audit/ledger.h"
#include "base/async.h"
#include "base/result.h"

namespace usher::gateway {

class EarlyRow {
 public:
  static std::shared_ptr<EarlyRow> begin(const asio::any_io_executor& loop, audit::Ledger& ledger,
                                         audit::Record record);

  const audit::Record& record() const { return record_; }
  // Resolves when it is on disk, or is not going to be. For one waiter at a time.
  Task<Result<void>> written();

 private:
  EarlyRow(const asio::any_io_executor& loop, audit::Record record)
      : record_(std::move(record)), ended_(loop, asio::steady_timer::time_point::max()) {}

  audit::Record record_;
  std::optional<Result<void>> outcome_;
  asio::steady_timer ended_;  // never expires; cancelled when the outcome is there
};

}  // namespace usher::gateway
