// Keeps the log of limits.db short. Copying it back syncs the disk: it happens on the pool, through a connection of its
// own, unless that cannot keep up. Event-loop thread only.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "base/async.h"
#include "store/sqlite.h"

namespace usher::limits {

class LogBound {
 public:
  // Without a `pool` it does nothing. `database` must outlive it.
  LogBound(store::Database& database, asio::any_io_executor pool);
  // After each commit.
  void look();

 private:
  store::Database& database_;
  asio::any_io_executor pool_;
  int pages_asked_ = 0;  // the size of the log when the pool was last asked to copy it
  std::shared_ptr<std::atomic<bool>> is_copying_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace usher::limits
