// commits_bench [--seconds N] [--in-flight N] [--bytes N]
//
// What it costs to have something durable: jobs of store::Writer on a database with synchronous=FULL, each as a message
// is stored and answered, always so many under way. Says how long the slowest wait, which is where copying the log back
// would show. README.md says what each figure means. Exit status 1 when a row is missing at the end.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cstring>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>

#include "store/writer.h"
#include "support/scratch.h"
#include "support/statistics.h"

namespace usher::bench {
namespace {

namespace fs = std::filesystem;

struct Options {
  int seconds = 10, in_flight = 64, bytes = 1000;
};

Options parse(int count, char** arguments) {
  Options options;
  const std::map<std::string, int*> numbers = {
      {"--seconds", &options.seconds}, {"--in-flight", &options.in_flight}, {"--bytes", &options.bytes}};
  for (int i = 1; i < count; i += 2) {
    const auto number = numbers.find(arguments[i]);
    if (i + 1 >= count || number == numbers.end()) {
      throw std::invalid_argument("usage: commits_bench [--seconds N] [--in-flight N] [--bytes N]");
    }
    *number->second = std::max(1, std::atoi(arguments[i + 1]));
  }
  return options;
}

store::Database open(const fs::path& file) {
  Result<store::Database> database = store::Database::open(
      file, {.durability = store::Durability::full, .cache_kib = 1024, .autocheckpoint_pages = 0});
  if (!database) throw std::runtime_error(database.error().message);
  Result<void> made = database->script(
      "CREATE TABLE IF NOT EXISTS message(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
      " state INTEGER NOT NULL DEFAULT 0, text TEXT NOT NULL)");
  if (!made) throw std::runtime_error(made.error().message);
  return std::move(*database);
}

// Always `in_flight` jobs under way until the time is over. A job stores one message and finishes an earlier one.
class Load {
 public:
  Load(const fs::path& file, const Options& options)
      : options_(options), file_(file), text_(static_cast<std::size_t>(options.bytes), 'x') {}

  void run() {
    store::Writer writer(open(file_), loop_.get_executor());
    writer_ = &writer;
    end_ = Clock::now() + std::chrono::seconds(options_.seconds);
    for (int i = 0; i < options_.in_flight; ++i) submit();
    loop_.run();
  }
  std::vector<double> latencies;  // microseconds
  std::uintmax_t largest_log = 0;

 private:
  void submit() {
    const int number = ++submitted_;
    const auto start = Clock::now();
    if (start >= end_) return;
    // Ids of a platform: spread over the index.
    const std::string name = fmt::format("{:08x}", static_cast<unsigned>(number) * 2654435761u);
    writer_->post(
        [this, name, number](store::Database& database) {
          Result<void> done = database.run("INSERT INTO message(name, text) VALUES (?, ?)",
                                           {std::string_view(name), std::string_view(text_)});
          if (done) {
            done = database.run("UPDATE message SET state = 2, text = '' WHERE id = ?",
                                {std::int64_t{number - 4 * options_.in_flight}});
          }
          return done;
        },
        [this, start](const Result<void>& outcome) {
          if (!outcome) throw std::runtime_error(outcome.error().message);
          latencies.push_back(microseconds_between(start, Clock::now()));
          if (latencies.size() % 256 == 0) look_at_log();
          submit();
        });
  }
  void look_at_log() {
    std::error_code ignored;
    largest_log = std::max(largest_log, fs::file_size(file_.string() + "-wal", ignored));
  }

  const Options options_;
  const fs::path file_;
  const std::string text_;
  asio::io_context loop_{1};
  store::Writer* writer_ = nullptr;
  Clock::time_point end_;
  int submitted_ = 0;
};

// The least that a commit can take here, in milliseconds: a page appended to a file and synced, one after the other.
std::vector<double> syncs(const fs::path& file) {
  constexpr int count = 300;
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const std::string page(4096, 'x');
  std::vector<double> all;
  for (int i = 0; i < count; ++i) {
    const auto start = Clock::now();
    const bool is_written = ::write(descriptor, page.data(), page.size()) == static_cast<ssize_t>(page.size());
    if (!is_written || ::fdatasync(descriptor) != 0) throw std::runtime_error("cannot write " + file.string());
    all.push_back(microseconds_between(start, Clock::now()) / 1000);
  }
  ::close(descriptor);
  return all;
}

void run(const Options& options) {
  const Scratch scratch;
  const std::vector<double> limit = syncs(scratch.path() / "syncs");
  Load load(scratch.path() / "commits.db", options);
  load.run();
  std::int64_t rows = -1;
  store::Database database = open(scratch.path() / "commits.db");
  (void)database.query("SELECT count(*) FROM message", {}, [&](const store::Row& row) { rows = row.integer(0); });
  if (rows != static_cast<std::int64_t>(load.latencies.size())) throw std::runtime_error("a row is missing");
  fmt::print("{} jobs under way, {} bytes each, {} s\n\n", options.in_flight, options.bytes, options.seconds);
  fmt::print("{:<24}{:>10.0f}\n", "jobs/s", static_cast<double>(rows) / options.seconds);
  fmt::print("{:<24}{:>10}{:>22}\n", "ms within which", "a job", "one synced page here");
  for (const double share : {0.5, 0.9, 0.99, 0.999, 1.0}) {
    fmt::print("{:<24}{:>10.1f}{:>22.1f}\n", fmt::format("  {} %", share * 100),
               percentile(load.latencies, share) / 1000, percentile(limit, share));
  }
  fmt::print("{:<24}{:>10.1f}\n", "largest log, MB", static_cast<double>(load.largest_log) / 1e6);
}

}  // namespace
}  // namespace usher::bench

int main(int count, char** arguments) {
  try {
    usher::bench::run(usher::bench::parse(count, arguments));
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "commits_bench: {}\n", error.what());
    return 1;
  }
}
