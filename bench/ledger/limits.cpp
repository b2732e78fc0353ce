#include "limits.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <vector>

#include "store/sqlite.h"
#include "support/statistics.h"

namespace usher::bench {
namespace {

void require(const Result<void>& done) {
  if (!done) throw std::runtime_error(done.error().message);
}

}  // namespace

double sync_time(const std::filesystem::path& folder, int count) {
  const std::filesystem::path file = folder / "sync-probe";
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  if (descriptor < 0) throw std::runtime_error("cannot write " + file.string());
  const std::array<char, 4096> page{};
  std::vector<double> samples;
  for (int i = 0; i < count; ++i) {
    const Clock::time_point start = Clock::now();
    const bool is_good = ::write(descriptor, page.data(), page.size()) == static_cast<ssize_t>(page.size());
    if (!is_good || ::fdatasync(descriptor) != 0) throw std::runtime_error("cannot sync " + file.string());
    samples.push_back(microseconds_between(start, Clock::now()));
  }
  ::close(descriptor);
  std::filesystem::remove(file);
  return median(std::move(samples));
}

double raw_insert_rate(const std::filesystem::path& folder, const std::string& bytes, std::size_t group,
                       std::size_t rows) {
  const std::filesystem::path file = folder / ("raw-" + std::to_string(group) + ".db");
  Result<store::Database> database = store::Database::open(
      file, {.durability = store::Durability::full, .cache_kib = 1024, .autocheckpoint_pages = 0});
  if (!database) throw std::runtime_error(database.error().message);
  require(database->script("DROP TABLE IF EXISTS t; CREATE TABLE t(number INTEGER PRIMARY KEY, bytes TEXT)"));
  require(database->checkpoint());
  const Clock::time_point start = Clock::now();
  for (std::size_t done = 0; done < rows; done += group) {
    Result<store::Transaction> transaction = store::Transaction::begin(*database);
    if (!transaction) throw std::runtime_error(transaction.error().message);
    for (std::size_t i = 0; i < group; ++i) {
      require(database->run("INSERT INTO t(bytes) VALUES(?)", {store::Value(std::string_view(bytes))}));
    }
    require(transaction->commit());
    if (database->wal_pages() >= 8192) require(database->checkpoint());  // as store::Writer does
  }
  return static_cast<double>(rows) / microseconds_between(start, Clock::now()) * 1e6;
}

}  // namespace usher::bench
