// gateway_bench [--usher FILE] [--rounds N] [--senders N] [--messages N] [--sequential N]
//
// Drives the real binary through a Telegram and a model of its own and prints what the gateway costs, next to what this
// machine can do at best. README.md says what each figure means. Exit status 1 when a message stayed unanswered or was
// answered twice.
#include <fmt/format.h>

#include <cstring>
#include <filesystem>
#include <functional>
#include <stdexcept>

#include "config.h"
#include "limits.h"
#include "load.h"
#include "support/child.h"
#include "support/scratch.h"

namespace usher::bench {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

struct Options {
  std::string usher = "build/release/usher";
  int rounds = 3, senders = 64, messages = 20'000, sequential = 2'000;
};

Options parse(int count, char** arguments) {
  Options options;
  const std::map<std::string, int*> numbers = {{"--rounds", &options.rounds},
                                               {"--senders", &options.senders},
                                               {"--messages", &options.messages},
                                               {"--sequential", &options.sequential}};
  for (int i = 1; i < count; i += 2) {
    auto number = numbers.find(arguments[i]);
    bool is_usher = std::strcmp(arguments[i], "--usher") == 0;
    if (i + 1 >= count || (!is_usher && number == numbers.end())) {
      throw std::invalid_argument(
          "usage: gateway_bench [--usher FILE] [--rounds N] [--senders N] [--messages N] [--sequential N]");
    }
    if (is_usher) options.usher = arguments[i + 1];
    if (!is_usher) *number->second = std::max(1, std::atoi(arguments[i + 1]));
  }
  return options;
}

// One life of the gateway.
struct Round {
  MachineLimits limits;
  double start_ms = 0, idle_mb = 0, final_mb = 0, growth_mb = 0, sequential_cpu_us = 0, parallel_cpu_us = 0;
  LoadResult sequential, parallel;
  int stray = 0, unanswered = 0;
};

Round run_round(const Options& options) {
  Scratch scratch;
  Round round;
  round.limits = measure_limits(scratch.path(), options.senders);
  Load load(options.senders);
  write_config(scratch.path(), load.model_port(),
               fmt::format(R"([[channels.telegram]]
name = "bench"
token = "${{BENCH_TOKEN}}"
api_root = "http://127.0.0.1:{}"
)",
                           load.telegram_port()));
  std::string log = (scratch.path() / "log").string();
  Clock::time_point start = Clock::now();
  Child usher({fs::absolute(options.usher), "run", "--config", scratch.path() / "config.toml"},
              {{"BENCH_KEY", "sk-bench"}, {"BENCH_TOKEN", "4242:AAbenchbenchbenchbenchbenchbenchbenchb"}}, log);
  auto first_poll = load.wait_for_first_poll(start + 10s);
  if (!first_poll) throw std::runtime_error("usher does not poll:\n" + read_file(log));
  round.start_ms = microseconds_between(start, *first_poll) / 1000;
  load.serve(500ms);
  round.idle_mb = usher.resident_megabytes();

  load.run(std::max(100, options.senders), 1, Clock::now() + 30s);  // everybody's first message opens their memory
  double cpu = usher.cpu_microseconds();
  round.sequential = load.run(options.sequential, 1, Clock::now() + 120s);
  round.sequential_cpu_us = (usher.cpu_microseconds() - cpu) / options.sequential;
  double warm_mb = usher.resident_megabytes();
  cpu = usher.cpu_microseconds();
  round.parallel = load.run(options.messages, options.senders, Clock::now() + 300s);
  round.parallel_cpu_us = (usher.cpu_microseconds() - cpu) / options.messages;
  load.serve(300ms);  // strays would come now
  round.final_mb = usher.resident_megabytes();
  round.growth_mb = round.final_mb - warm_mb;
  round.stray = load.stray();
  round.unanswered = load.unanswered();
  usher.stop();
  return round;
}

struct Figure {
  const char* name;
  const char* limit_name;
  std::function<double(const Round&)> value;
  std::function<double(const Round&)> limit;  // may be empty
};

std::vector<Figure> figures() {
  // A message is committed twice (accepted, answered) and crosses the loopback for the model and for the answer.
  auto least_us = [](const Round& r) { return 2 * r.limits.commit_us + 2 * r.limits.round_trip_us; };
  auto exchanges_cpu = [](const Round& r) { return 3 * r.limits.client_cpu_us; };
  auto bare = [](const Round& r) { return r.limits.bare_resident_mb; };
  return {
      {"start to first poll, ms", "spawn of a program", [](auto& r) { return r.start_ms; },
       [](auto& r) { return r.limits.start_us / 1000; }},
      {"idle RSS, MB", "RSS of sleep", [](auto& r) { return r.idle_mb; }, bare},
      {"overhead p50, us", "2 commits + 2 round trips",
       [](auto& r) { return percentile(r.sequential.overhead_us, 0.5); }, least_us},
      {"overhead p99, us", "2 commits + 2 round trips",
       [](auto& r) { return percentile(r.sequential.overhead_us, 0.99); }, least_us},
      {"CPU a message, us", "3 exchanges' client CPU", [](auto& r) { return r.sequential_cpu_us; }, exchanges_cpu},
      {"messages/s, parallel", "round trips/s / 3",
       [](auto& r) { return static_cast<double>(r.parallel.overhead_us.size()) / r.parallel.seconds; },
       [](auto& r) { return r.limits.round_trips_per_s / 3; }},
      {"overhead p50, parallel, us", "", [](auto& r) { return percentile(r.parallel.overhead_us, 0.5); }, {}},
      {"overhead p99, parallel, us", "", [](auto& r) { return percentile(r.parallel.overhead_us, 0.99); }, {}},
      {"CPU a message, parallel, us", "3 exchanges' client CPU", [](auto& r) { return r.parallel_cpu_us; },
       exchanges_cpu},
      {"final RSS, MB", "RSS of sleep", [](auto& r) { return r.final_mb; }, bare},
      {"RSS growth under load, MB", "", [](auto& r) { return r.growth_mb; }, {}},
      {"stray answers", "", [](auto& r) { return static_cast<double>(r.stray); }, {}},
      {"unanswered", "", [](auto& r) { return static_cast<double>(r.unanswered); }, {}},
  };
}

void print(const Options& options, const std::vector<Round>& rounds) {
  fmt::print("medians of {} rounds, {} sequential and {} parallel messages, {} senders\n\n", rounds.size(),
             options.sequential, options.messages, options.senders);
  fmt::print("{:30}{:>12}   {:28}{:>10}{:>10}\n", "figure", "usher", "limit of this machine", "limit", "ratio");
  for (const Figure& figure : figures()) {
    std::vector<double> values, limits;
    for (const Round& round : rounds) {
      values.push_back(figure.value(round));
      if (figure.limit) limits.push_back(figure.limit(round));
    }
    fmt::print("{:30}{:12.1f}", figure.name, median(values));
    if (figure.limit)
      fmt::print("   {:28}{:10.1f}{:10.2f}", figure.limit_name, median(limits), median(values) / median(limits));
    fmt::print("\n");
  }
}

int run(int count, char** arguments) {
  Options options = parse(count, arguments);
  std::vector<Round> rounds;
  bool is_complete = true;
  for (int i = 0; i < options.rounds; ++i) {
    rounds.push_back(run_round(options));
    is_complete = is_complete && rounds.back().stray == 0 && rounds.back().unanswered == 0;
  }
  print(options, rounds);
  return is_complete ? 0 : 1;
}

}  // namespace
}  // namespace usher::bench

int main(int count, char** arguments) {
  try {
    return usher::bench::run(count, arguments);
  } catch (const std::exception& error) {
    fmt::print(stderr, "gateway_bench: {}\n", error.what());
    return 2;
  }
}
