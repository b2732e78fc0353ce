// discord_bench [--usher FILE] [--echo FILE] [--node FILE] [--peer FILE] [--rounds N] [--people N] [--sequential N]
// [--parallel N]
//               [--interval MS] [--guilds N] [--events N] [--quick] [--without PART]…
//
// What usher costs on Discord beside an echo bot on discord.js, beside an echo bot on its own channel and beside a
// floor, all on the same simulator; see
// ../README.md. PART: light, echo, usher, peer, asker, telegram, guilds. Exit status 1 when a message stayed unanswered
// or was answered twice, or an event was not understood.
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <vector>

#include "decoding/decoding.h"
#include "lives.h"

namespace usher::bench {
namespace {

struct Options {
  Programs programs;
  Effort effort;
  int rounds = 3, interval = 25, events = 100'000;
  std::set<std::string> without;

  bool has(const char* part) const { return !without.contains(part); }
};

void make_quick(Options& options) {
  options.rounds = 1;
  options.effort.sequential = options.effort.parallel = 100;
  options.effort.guilds = 100;
  options.events = 10'000;
}

Options parse(int count, char** arguments) {
  Options options;
  Effort& effort = options.effort;
  if (const char* node = std::getenv("USHER_NODE")) options.programs.node = node;
  const std::map<std::string, int*> numbers = {{"--rounds", &options.rounds},        {"--people", &effort.people},
                                               {"--sequential", &effort.sequential}, {"--parallel", &effort.parallel},
                                               {"--guilds", &effort.guilds},         {"--interval", &options.interval},
                                               {"--events", &options.events}};
  const std::map<std::string, std::string*> files = {
      {"--usher", &options.programs.usher}, {"--node", &options.programs.node}, {"--peer", &options.programs.peer}};
  for (int i = 1; i < count; ++i) {
    const std::string name = arguments[i];
    const auto number = numbers.find(name);
    const auto file = files.find(name);
    if (name == "--quick") {
      make_quick(options);
    } else if (name == "--without" && i + 1 < count) {
      options.without.insert(arguments[++i]);
    } else if (number != numbers.end() && i + 1 < count) {
      *number->second = std::max(1, std::atoi(arguments[++i]));
    } else if (file != files.end() && i + 1 < count) {
      *file->second = arguments[++i];
    } else {
      throw std::invalid_argument("not an option: " + name + "; the head of discord_bench.cpp lists them");
    }
  }
  effort.interval = std::chrono::milliseconds(options.interval);
  return options;
}

struct Round {
  Life light, echo, usher, peer, asker, telegram;
  Growth echo_guilds, usher_guilds, peer_guilds;
};

Round run_round(const Options& options) {
  const Programs& programs = options.programs;
  const Effort& effort = options.effort;
  const bool has_echo = options.has("echo"), has_usher = options.has("usher"), has_peer = options.has("peer"),
             has_guilds = options.has("guilds");
  Round round;
  if (options.has("light")) round.light = answer_messages(Bot::light, programs, effort);
  if (has_echo) round.echo = answer_messages(Bot::echo, programs, effort);
  if (has_usher) round.usher = answer_messages(Bot::usher, programs, effort);
  if (has_peer) round.peer = answer_messages(Bot::peer, programs, effort);
  if (options.has("asker")) round.asker = answer_messages(Bot::asker, programs, effort);
  if (options.has("telegram")) round.telegram = answer_telegram(programs, effort);
  if (has_echo && has_guilds) round.echo_guilds = join_guilds(Bot::echo, programs, effort);
  if (has_usher && has_guilds) round.usher_guilds = join_guilds(Bot::usher, programs, effort);
  if (has_peer && has_guilds) round.peer_guilds = join_guilds(Bot::peer, programs, effort);
  return round;
}

template <class Of>
double median_of(const std::vector<Round>& rounds, Of of) {
  std::vector<double> values;
  for (const Round& round : rounds) values.push_back(of(round));
  return median(std::move(values));
}

// "-" for what was not measured.
std::string shown(double value, int digits = 1) {
  return value > 0 && std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : "-";
}

struct Figure {
  const char* name;
  std::function<double(const Life&)> of;
};

std::vector<Figure> figures() {
  return {{"start to login, ms", [](auto& l) { return l.start_ms; }},
          {"RSS logged in, MB", [](auto& l) { return l.idle_mb; }},
          {"RSS after the load, MB", [](auto& l) { return l.loaded_mb; }},
          {"overhead p50, us", [](auto& l) { return percentile(l.sequential.overhead_us, 0.5); }},
          {"overhead p99, us", [](auto& l) { return percentile(l.sequential.overhead_us, 0.99); }},
          {"CPU a message, us", [](auto& l) { return l.cpu_us; }},
          {"CPU a message, parallel, us", [](auto& l) { return l.parallel_cpu_us; }},
          {"CPU a message of others, us", [](auto& l) { return l.chat_cpu_us; }},
          {"answers/s, parallel",
           [](auto& l) { return static_cast<double>(l.parallel.overhead_us.size()) / l.parallel.seconds; }}};
}

void print_messages(const std::vector<Round>& rounds) {
  constexpr const char* row = "{:28}{:>9}{:>9}{:>9}{:>12}{:>12}{:>10}{:>8}{:>10}\n";
  fmt::print(row, "", "", "channel", "", "discord.js", "discord.js", "echo/", "echo/", "usher on");
  fmt::print(row, "messages", "floor", "alone", "usher", "echo", "and model", "channel", "usher", "Telegram");
  for (const Figure& figure : figures()) {
    const auto value = [&](Life Round::* life) {
      return median_of(rounds, [&](const Round& round) { return figure.of(round.*life); });
    };
    const double echo = value(&Round::echo), usher = value(&Round::usher), peer = value(&Round::peer);
    fmt::print(row, figure.name, shown(value(&Round::light)), shown(echo), shown(usher), shown(peer),
               shown(value(&Round::asker)), shown(peer / echo, 2), shown(peer / usher, 2),
               shown(value(&Round::telegram)));
  }
}

void print_guilds(const std::vector<Round>& rounds, int guilds) {
  const auto row = [&](const std::string& name, auto of) {
    const auto value = [&](Growth Round::* growth) {
      return median_of(rounds, [&](const Round& round) { return of(round.*growth); });
    };
    const double echo = value(&Round::echo_guilds), usher = value(&Round::usher_guilds),
                 peer = value(&Round::peer_guilds);
    fmt::print("{:37}{:>9}{:>9}{:>12}{:>9}{:>9}\n", name, shown(echo), shown(usher), shown(peer), shown(peer / echo, 2),
               shown(peer / usher, 2));
  };
  fmt::print("\n{:37}{:>9}{:>9}{:>12}{:>9}{:>9}\n", fmt::format("{} guilds", guilds), "channel", "usher", "discord.js",
             "/channel", "/usher");
  row("RSS with one guild, MB", [](const Growth& growth) { return growth.one_mb; });
  row(fmt::format("RSS with {} more, MB", guilds), [](const Growth& growth) { return growth.all_mb; });
  row("growth, kB a guild", [&](const Growth& growth) { return (growth.all_mb - growth.one_mb) * 1024 / guilds; });
  row("CPU a GUILD_CREATE, us", [](const Growth& growth) { return growth.cpu_us; });
}

void print_decoding(const DecodingRates& rates, int events) {
  fmt::print("\n{} events of {:.0f} bytes, {:.0f} % of that on the wire; {} were for the bot\n\n{:40}{:>12}{:>12}\n",
             events, rates.mean_bytes, rates.compressed * 100, rates.meant, "decoding", "events/s", "of inflate");
  const auto row = [&](const char* name, double rate) {
    fmt::print("{:40}{:12.0f}{:12.2f}\n", name, rate, rate / rates.inflate_only);
  };
  row("zlib alone (the limit)", rates.inflate_only);
  row("usher", rates.usher);
  row("inflated, every event parsed whole", rates.all_parsed);
}

void print_goals(const std::vector<Round>& rounds) {
  const auto ratio = [&](const char* name, auto of) {
    const double reached = median_of(rounds, [&](const Round& r) { return of(r.peer); }) /
                           median_of(rounds, [&](const Round& r) { return of(r.usher); });
    fmt::print("{:56}{:8.2f}{:>8}{}\n", name, reached, "≥ 5", reached >= 5 ? "" : "  missed");
  };
  fmt::print("\n{:56}{:>8}{:>6}\n", "goals of this version", "measured", "goal");
  ratio("discord.js / usher, CPU a message", [](const Life& life) { return life.cpu_us; });
  ratio("discord.js / usher, CPU a message, parallel", [](const Life& life) { return life.parallel_cpu_us; });
  ratio("discord.js / usher, RSS logged in", [](const Life& life) { return life.idle_mb; });
  ratio("discord.js / usher, RSS after the load", [](const Life& life) { return life.loaded_mb; });
}

// Of all lives of all rounds.
bool print_completeness(const std::vector<Round>& rounds) {
  int stray = 0, unanswered = 0;
  for (const Round& round : rounds) {
    for (const Life* life : {&round.light, &round.echo, &round.usher, &round.peer, &round.asker, &round.telegram}) {
      stray += life->stray;
      unanswered += life->unanswered;
    }
  }
  fmt::print("\nstray answers: {}; unanswered: {}\n", stray, unanswered);
  return stray == 0 && unanswered == 0;
}

int run(int count, char** arguments) {
  const Options options = parse(count, arguments);
  const Effort& effort = options.effort;
  std::vector<Round> rounds;
  for (int i = 0; i < options.rounds; ++i) rounds.push_back(run_round(options));
  fmt::print("medians of {} rounds; {} messages {} ms apart, then {} with {} people at once\n\n", options.rounds,
             effort.sequential, effort.interval.count(), effort.parallel, effort.people);
  print_messages(rounds);
  if (options.has("guilds")) print_guilds(rounds, effort.guilds);
  const DecodingRates rates = measure_decoding(static_cast<std::size_t>(options.events), options.rounds);
  print_decoding(rates, options.events);
  if (options.has("usher") && options.has("peer")) print_goals(rounds);
  return print_completeness(rounds) && rates.is_right ? 0 : 1;
}

}  // namespace
}  // namespace usher::bench

int main(int count, char** arguments) {
  try {
    return usher::bench::run(count, arguments);
  } catch (const std::exception& error) {
    fmt::print(stderr, "discord_bench: {}\n", error.what());
    return 2;
  }
}
