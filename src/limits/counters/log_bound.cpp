#include "limits/counters/log_bound.h"

#include <boost/asio/post.hpp>
#include <utility>

namespace usher::limits {

namespace {

constexpr int pool_pages = 1000;
// A busy log is never wholly copied by another thread and then never starts anew; at this size it is done here.
constexpr int forced_pages = 8192;

}  // namespace

LogBound::LogBound(store::Database& database, asio::any_io_executor pool)
    : database_(database), pool_(std::move(pool)) {}

void LogBound::look() {
  const int pages = database_.wal_pages();
  if (pages < pages_asked_) pages_asked_ = 0;
  if (!pool_ || pages - pages_asked_ < pool_pages) return;
  if (pages >= forced_pages) {
    pages_asked_ = 0;
    (void)database_.checkpoint();  // tried again at the next commit
    return;
  }
  if (is_copying_->exchange(true)) return;
  pages_asked_ = pages;
  asio::post(pool_, [file = database_.file(), is_copying = is_copying_] {
    Result<store::Database> other = store::Database::open(file, {.sharing = store::Sharing::shared});
    // The log is begun anew here too: its first commit is slower than others.
    if (other && other->checkpoint()) (void)other->run("UPDATE admissions_boot SET boot = boot");
    is_copying->store(false);
  });
}

}  // namespace usher::limits
