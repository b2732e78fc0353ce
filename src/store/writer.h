// A thread that owns one database and commits in groups: jobs queued while a commit runs share the next one. The only
// way to write a shared database that needs durability (synchronous=FULL) without blocking the event loop.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>

#include "base/async.h"
#include "base/result.h"
#include "store/sqlite.h"

namespace usher::store {

class Writer {
 public:
  // Runs on the writer thread inside the group's transaction. An error undoes this job alone (savepoint), not the
  // group.
  using Job = std::function<Result<void>(Database&)>;

  // Takes the database over. `loop` is where submit() resumes.
  Writer(Database database, asio::any_io_executor loop, std::size_t max_queued = 4096);
  // Finishes what is queued, then joins.
  ~Writer();

  // Resolves when the group that holds the job is committed (fsynced), or with the job's or the commit's error; limit
  // when the queue is full. A cancelled wait leaves the job in the queue: it may still be committed.
  Task<Result<void>> submit(Job job);
  // The same without anybody waiting; `done` (may be empty) runs on the loop.
  void post(Job job, std::function<void(Result<void>)> done = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace usher::store
