#include "figures.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <type_traits>

#include "base/clock.h"
#include "memory/memory.h"
#include "plain.h"
#include "support/scratch.h"
#include "support/statistics.h"

namespace usher::bench {
namespace {

namespace fs = std::filesystem;

double resident_megabytes() {
  std::ifstream statm("/proc/self/statm");
  double size = 0, resident = 0;
  statm >> size >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

// Measures in a child, so that nobody else's memory is reused. The parent has no open database and no thread.
template <class F>
std::invoke_result_t<F> in_child(F measure) {
  using Value = std::invoke_result_t<F>;
  static_assert(std::is_trivially_copyable_v<Value>);
  int ends[2];
  if (::pipe(ends) != 0) throw std::runtime_error("pipe");
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      const Value value = measure();
      if (::write(ends[1], &value, sizeof value) == sizeof value) ::_exit(0);
    } catch (const std::exception& error) {
      fmt::print(stderr, "memory_bench: {}\n", error.what());
    }
    ::_exit(1);
  }
  ::close(ends[1]);
  Value value{};
  const bool is_read = ::read(ends[0], &value, sizeof value) == sizeof value;
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  if (!is_read) throw std::runtime_error("a measurement failed");
  return value;
}

template <class T>
T value_of(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

// usher's way to do what PlainMemory does.
class UsherMemory {
 public:
  UsherMemory(const fs::path& file, const SystemClock& clock)
      : store_(value_of(memory::open_memory_store(file, clock))) {}
  explicit UsherMemory(std::shared_ptr<memory::MemoryStore> store) : store_(std::move(store)) {}

  int turn(const std::string& name) {
    const auto length = static_cast<int>(value_of(store_->history("c", 50)).size());
    (void)value_of(store_->recall(memory::Audience::private_chat, "an umbrella", 5));
    const std::vector<memory::Entry> entries = {{"user", "a question", ""}, {"assistant", "an answer", ""}};
    Result<void> appended = store_->append("c", name, entries);
    if (!appended) throw std::runtime_error(appended.error().message);
    return length;
  }

 private:
  std::shared_ptr<memory::MemoryStore> store_;
};

void expect(int length, int expected) {
  if (length != expected) throw std::runtime_error(fmt::format("a history has {} entries, not {}", length, expected));
}

// Opens each with `open` and has a turn; keeps all open.
template <class Memory, class Open>
std::vector<Memory> open_all(int count, int length, Open open, double& open_median, double& turn_median) {
  std::vector<Memory> all;
  std::vector<double> opening, both;
  all.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    const auto start = Clock::now();
    all.push_back(open(i));
    const auto opened = Clock::now();
    expect(all.back().turn(fmt::format("turn {}", length)), length);
    opening.push_back(microseconds_between(start, opened));
    both.push_back(microseconds_between(start, Clock::now()));
  }
  open_median = median(std::move(opening));
  turn_median = median(std::move(both));
  return all;
}

template <class Memory, class Open>
Handles measure(int count, Open open) {
  Handles handles;
  open_all<Memory>(count, 0, open, handles.create, handles.create_turn);
  ::malloc_trim(0);
  const double before = resident_megabytes();
  std::vector<Memory> all = open_all<Memory>(count, 2, open, handles.open, handles.open_turn);
  handles.kilobytes = (resident_megabytes() - before) * 1000 / count;
  std::vector<double> turns;
  for (Memory& memory : all) {
    const auto start = Clock::now();
    expect(memory.turn("another"), 4);
    turns.push_back(microseconds_between(start, Clock::now()));
  }
  handles.turn = median(std::move(turns));
  return handles;
}

double disk_kilobytes(const fs::path& folder) {
  double bytes = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    bytes += static_cast<double>(entry.file_size());
  return bytes / 1000;
}

Task<void> visit(memory::MemoryStores& stores, fs::path file) {
  Result<std::shared_ptr<memory::MemoryStore>> opened = co_await stores.open(std::move(file));
  UsherMemory memory(value_of(std::move(opened)));
  expect(memory.turn("turn"), 0);
}

// Senders who come once each, one after the other.
class Turnover {
 public:
  explicit Turnover(int open)
      : stores_(memory::make_memory_stores(pool_.get_executor(), clock_, static_cast<std::size_t>(open))) {}
  ~Turnover() {
    stores_.reset();
    pool_.join();
  }
  int visited() const { return visited_; }
  void visit_next() {
    std::exception_ptr failure;
    asio::co_spawn(loop_, visit(*stores_, scratch_.path() / fmt::format("{}.db", visited_)),
                   [&](std::exception_ptr error) { failure = error; });
    loop_.restart();
    loop_.run();
    if (failure) std::rethrow_exception(failure);
    ++visited_;
  }

 private:
  Scratch scratch_;
  SystemClock clock_;
  asio::io_context loop_{1};
  asio::thread_pool pool_{2};
  std::unique_ptr<memory::MemoryStores> stores_;
  int visited_ = 0;
};

}  // namespace

Handles measure_handles(Way way, int count) {
  const Scratch scratch;
  const SystemClock clock;
  const auto file = [&](int i) { return scratch.path() / "senders" / fmt::format("{}.db", i); };
  Handles handles;
  if (way == Way::usher) {
    handles = in_child([&] { return measure<UsherMemory>(count, [&](int i) { return UsherMemory(file(i), clock); }); });
  } else {
    handles = in_child([&] {
      fs::create_directories(file(0).parent_path());
      {
        UsherMemory model(scratch.path() / "model.db", clock);
      }
      const std::string schema = schema_of(scratch.path() / "model.db");
      return measure<PlainMemory>(count, [&](int i) { return PlainMemory(file(i), schema); });
    });
  }
  handles.disk_kilobytes = disk_kilobytes(scratch.path() / "senders") / count;
  return handles;
}

double kept_kilobytes(int count) {
  return in_child([&] {
    Turnover turnover(count);
    turnover.visit_next();
    const double before = resident_megabytes();
    while (turnover.visited() < count) turnover.visit_next();
    return (resident_megabytes() - before) * 1000 / (count - 1);
  });
}

std::vector<Growth> measure_turnover(int senders, int open) {
  constexpr int steps = 12;
  Turnover turnover(open);
  std::vector<Growth> growth;
  while (turnover.visited() < senders) {
    turnover.visit_next();
    if (turnover.visited() % std::max(1, senders / steps) == 0) {
      growth.push_back({turnover.visited(), resident_megabytes()});
    }
  }
  return growth;
}

}  // namespace usher::bench
