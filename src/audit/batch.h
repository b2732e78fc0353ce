// Rows that wait for the same commit. The loop adds to a batch until the writer's thread takes it; from then on a new
// one is begun. So however many appends are in flight, a commit costs one job.
#pragma once

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "audit/ledger.h"
#include "base/result.h"

namespace usher::audit {

class Batch {
 public:
  using Done = std::move_only_function<void(Result<void>)>;

  // Loop. False when the batch was taken already: then nothing of it was moved from.
  bool add(std::vector<Record>& records, Done& done) {
    const std::lock_guard lock(mutex_);
    if (is_taken_) return false;
    for (Record& record : records) records_.push_back(std::move(record));
    waiting_.push_back(std::move(done));
    return true;
  }
  // Writer's thread.
  std::vector<Record> take() {
    const std::lock_guard lock(mutex_);
    is_taken_ = true;
    return std::exchange(records_, {});
  }
  // Loop, once nothing can be added any more.
  void answer(const Result<void>& outcome) {
    for (Done& done : std::exchange(waiting_, {})) done(outcome);
  }

 private:
  std::mutex mutex_;
  bool is_taken_ = false;
  std::vector<Record> records_;
  std::vector<Done> waiting_;
};

}  // namespace usher::audit
