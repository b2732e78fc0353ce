// ledger_bench [--rows N] [--rounds N]
//
// Rows a second of the ledger with 64 appends in flight and with one, beside what the disk and SQLite allow with the
// same bytes in the same groups. README.md says what each figure means. Exit status 1 when the ledger does not verify.
#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstring>
#include <stdexcept>

#include "audit/check/verify.h"
#include "audit/durable_ledger.h"
#include "audit/row.h"
#include "limits.h"
#include "support/scratch.h"
#include "support/statistics.h"

namespace usher::bench {
namespace {

constexpr const char* usage = "usage: ledger_bench [--rows N] [--rounds N]";
constexpr std::size_t kInFlight = 64;

struct Setting {
  std::size_t rows = 64'000;  // with 64 in flight
  std::size_t single_rows = 1000;
  int rounds = 5;
};

Setting parse(int count, char** arguments) {
  Setting setting;
  for (int i = 1; i + 1 < count; i += 2) {
    if (std::strcmp(arguments[i], "--rows") == 0) {
      setting.rows = std::stoul(arguments[i + 1]) / kInFlight * kInFlight;
    } else if (std::strcmp(arguments[i], "--rounds") == 0) {
      setting.rounds = std::stoi(arguments[i + 1]);
    } else {
      throw std::invalid_argument(usage);
    }
  }
  if (count % 2 == 0 || setting.rows == 0 || setting.rounds < 1) throw std::invalid_argument(usage);
  return setting;
}

// As a tool call's decision is.
audit::Record sample() {
  return {.kind = audit::Kind::decision,
          .outcome = audit::Outcome::allowed,
          .tenant = "default",
          .who = "telegram:123456789",
          .role = "buyer",
          .source = "main/812345678",
          .action = "product:read:catalog",
          .resource = "green tea, loose leaf",
          .rule = "product:*:*",
          .detail = "product_search: Action 'product:read:catalog' allowed: matched allow pattern 'product:*:*'",
          .policy_hash = std::string(64, 'a')};
}

Task<void> append_many(audit::Ledger& ledger, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    Result<void> appended = co_await ledger.append(sample());
    if (!appended) throw std::runtime_error(appended.error().message);
  }
}

// A ledger in a folder of its own, with its checkpoints as usher makes them.
class Bench {
 public:
  Bench() {
    auto opened = audit::open_ledger(
        {.file = folder_.path() / "ledger.db", .checkpoint_file = folder_.path() / "checkpoints", .key = key_}, clock_,
        loop_.get_executor(), pool_.get_executor());
    if (!opened) throw std::runtime_error(opened.error().message);
    ledger_ = std::move(*opened);
  }
  ~Bench() { pool_.join(); }

  // Rows a second.
  double append(std::size_t rows, std::size_t in_flight) {
    std::size_t running = in_flight + 1;
    const auto end_one = [&](const std::exception_ptr& error) {
      if (error) std::rethrow_exception(error);
      if (--running == 1) ledger_->stop();
    };
    const Clock::time_point start = Clock::now();
    asio::co_spawn(loop_, ledger_->run(), end_one);
    for (std::size_t i = 0; i < in_flight; ++i) asio::co_spawn(loop_, append_many(*ledger_, rows / in_flight), end_one);
    loop_.restart();
    loop_.run();
    return static_cast<double>(rows) / microseconds_between(start, Clock::now()) * 1e6;
  }
  bool verifies(std::uint64_t rows) {
    Result<audit::VerifyReport> report = audit::verify_ledger(
        {folder_.path() / "ledger.db", folder_.path() / "checkpoints", key_.verify_key(), "usher"});
    return report && !report->finding && report->rows == rows && report->signed_rows == rows;
  }

 private:
  Scratch folder_;
  SystemClock clock_;
  asio::io_context loop_{1};
  asio::thread_pool pool_{1};
  audit::SigningKey key_ = audit::SigningKey::make("usher");
  std::unique_ptr<audit::DurableLedger> ledger_;
};

struct Rates {
  std::vector<double> of_many, of_one;
};

int run(int count, char** arguments) {
  const Setting setting = parse(count, arguments);
  const std::string bytes = audit::canonical_bytes({.number = 1, .record = sample()}, {});
  const Scratch scratch;
  Rates ledger, raw;
  std::vector<double> syncs;
  bool is_right = true;
  for (int round = 0; round < setting.rounds; ++round) {
    syncs.push_back(sync_time(scratch.path(), 300));
    raw.of_many.push_back(raw_insert_rate(scratch.path(), bytes, kInFlight, setting.rows));
    raw.of_one.push_back(raw_insert_rate(scratch.path(), bytes, 1, setting.single_rows));
    Bench many, one;
    ledger.of_many.push_back(many.append(setting.rows, kInFlight));
    ledger.of_one.push_back(one.append(setting.single_rows, 1));
    is_right = is_right && many.verifies(setting.rows) && one.verifies(setting.single_rows);
  }
  const double sync = median(syncs);
  fmt::print("{} rows of {} bytes, {} rounds; medians\n\n", setting.rows, bytes.size(), setting.rounds);
  fmt::print("fdatasync of a 4 KiB append             {:9.0f} µs\n", sync);
  fmt::print("                                      64 in flight   one at a time\n");
  fmt::print("raw SQLite FULL, same bytes, rows/s      {:9.0f}       {:9.0f}\n", median(raw.of_many),
             median(raw.of_one));
  fmt::print("ledger, rows/s                           {:9.0f}       {:9.0f}\n", median(ledger.of_many),
             median(ledger.of_one));
  fmt::print("  ledger / raw SQLite                    {:9.2f} ×     {:9.2f} ×\n",
             median(ledger.of_many) / median(raw.of_many), median(ledger.of_one) / median(raw.of_one));
  fmt::print("  one append / one fdatasync                             {:9.2f} ×\n",
             1e6 / median(ledger.of_one) / sync);
  fmt::print("\ngoal: 30,000 rows/s with 64 in flight: {}\n", median(ledger.of_many) >= 30'000 ? "met" : "missed");
  if (!is_right) fmt::print(stderr, "ledger_bench: a ledger did not verify\n");
  return is_right ? 0 : 1;
}

}  // namespace
}  // namespace usher::bench

int main(int count, char** arguments) {
  try {
    return usher::bench::run(count, arguments);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
