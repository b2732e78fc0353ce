// One transaction for all that happens within one turn of the event loop. The first call begins it, what is ready on
// the loop by then joins it, and a handler behind that commits it: many messages that come together cost one commit.
// Nobody may act on what they wrote before committed() has said that it is stored. Event-loop thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <utility>

#include "base/async.h"
#include "base/result.h"
#include "store/sqlite.h"

namespace usher::limits {

class GroupCommit {
 public:
  // on_end is told after each transaction whether it was stored; or else it is undone. Without a `loop` each run()
  // commits itself. `database` must outlive it.
  GroupCommit(store::Database& database, asio::any_io_executor loop, std::function<void(bool is_stored)> on_end);
  // Commits what is open. Who still waits is not told.
  ~GroupCommit();

  // Runs `work` in the transaction. An error undoes the whole transaction, of all who joined it: what cannot be stored
  // is a broken disk, and that is everybody's.
  template <class F>
  Result<void> run(F&& work) {
    Result<void> done = join();
    if (done) done = work();
    return leave(std::move(done));
  }

  // Waits until the transaction has ended in which the calling coroutine has just run something: nothing may be awaited
  // between the two. At once when none is open.
  Task<Result<void>> committed();

 private:
  struct State;
  Result<void> join();
  Result<void> leave(Result<void> done);

  std::shared_ptr<State> state_;
};

}  // namespace usher::limits
