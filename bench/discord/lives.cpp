#include "lives.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <stdexcept>

#include "gateway/config.h"
#include "light_bot.h"
#include "support/child.h"
#include "support/scratch.h"

namespace usher::bench {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// Behind the time after which a lost answer would be tried again.
constexpr auto patience = 300s;

// One running bot of any kind.
class Running {
 public:
  Running(Bot bot, const Programs& programs, const DiscordLoad& load) {
    if (bot == Bot::light) light_.emplace(load.api_root(), load.gateway_url(), load.token());
    if (bot == Bot::usher) start_usher(programs, load);
    if (bot == Bot::echo) start({programs.echo, load.api_root()}, load);
    if (bot == Bot::peer) start({programs.node, programs.peer, load.api_root()}, load);
    if (bot == Bot::asker) {
      start({programs.node, programs.peer, load.api_root(), fmt::format("http://127.0.0.1:{}/v1", load.model_port())},
            load);
    }
  }

  double resident_megabytes() const { return child_ ? child_->resident_megabytes() : 0; }
  double cpu_microseconds() const { return child_ ? child_->cpu_microseconds() : light_->cpu_microseconds(); }
  void stop() {
    if (child_) child_->stop();
  }
  [[noreturn]] void fail(std::string_view what) const {
    throw std::runtime_error(fmt::format("the bot {}:\n{}", what, read_file(log())));
  }

 private:
  std::string log() const { return (scratch_.path() / "log").string(); }
  // With a role of Discord's, so that it has to learn which guild has it.
  void start_usher(const Programs& programs, const DiscordLoad& load) {
    write_config(scratch_.path(), load.model_port(),
                 fmt::format(R"([[rbac.assignments]]
discord_role = "1000000000000000777"
role = "customer"
[[channels.discord]]
name = "bench"
token = "${{DISCORD_TOKEN}}"
api_root = "{}"
)",
                             load.api_root()));
    start({fs::absolute(programs.usher), "run", "--config", scratch_.path() / "config.toml"}, load);
  }
  void start(const std::vector<std::string>& command, const DiscordLoad& load) {
    child_.emplace(
        command, std::map<std::string, std::string>{{"BENCH_KEY", "sk-bench"}, {"DISCORD_TOKEN", load.token()}}, log());
  }

  Scratch scratch_;
  std::optional<Child> child_;
  std::optional<LightBot> light_;
};

}  // namespace

Life answer_messages(Bot bot, const Programs& programs, const Effort& effort) {
  DiscordLoad load(effort.people);
  Life life;
  const Clock::time_point start = Clock::now();
  Running running(bot, programs, load);
  if (!load.wait_for_login(start + 15s)) running.fail("does not log in");
  life.start_ms = microseconds_between(start, Clock::now()) / 1000;
  load.serve(1s);
  life.idle_mb = running.resident_megabytes();

  load.run_paced(effort.people, effort.interval, Clock::now() + patience);
  double cpu = running.cpu_microseconds();
  life.sequential = load.run_paced(effort.sequential, effort.interval, Clock::now() + patience);
  life.cpu_us = (running.cpu_microseconds() - cpu) / effort.sequential;
  load.serve(1s);  // every call is older than the second that limits count
  cpu = running.cpu_microseconds();
  life.parallel = load.run(effort.parallel, effort.people, Clock::now() + patience);
  life.parallel_cpu_us = (running.cpu_microseconds() - cpu) / effort.parallel;
  load.serve(500ms);  // strays would come now
  cpu = running.cpu_microseconds();
  load.chat(effort.chat, 5ms, Clock::now() + patience);
  life.chat_cpu_us = (running.cpu_microseconds() - cpu) / effort.chat;
  life.loaded_mb = running.resident_megabytes();
  life.stray = load.stray();
  life.unanswered = load.unanswered();
  running.stop();
  return life;
}

Life answer_telegram(const Programs& programs, const Effort& effort) {
  const Scratch scratch;
  const std::string log = (scratch.path() / "log").string();
  Load load(effort.people);
  write_config(scratch.path(), load.model_port(),
               fmt::format(R"([[channels.telegram]]
name = "bench"
token = "${{BENCH_TOKEN}}"
api_root = "http://127.0.0.1:{}"
)",
                           load.telegram_port()));
  Life life;
  const Clock::time_point start = Clock::now();
  Child usher({fs::absolute(programs.usher), "run", "--config", scratch.path() / "config.toml"},
              {{"BENCH_KEY", "sk-bench"}, {"BENCH_TOKEN", "4242:AAbenchbenchbenchbenchbenchbenchbenchb"}}, log);
  const auto first_poll = load.wait_for_first_poll(start + 15s);
  if (!first_poll) throw std::runtime_error("usher does not poll:\n" + read_file(log));
  life.start_ms = microseconds_between(start, *first_poll) / 1000;
  load.serve(1s);
  life.idle_mb = usher.resident_megabytes();
  load.run_paced(effort.people, effort.interval, Clock::now() + patience);
  const double cpu = usher.cpu_microseconds();
  life.sequential = load.run_paced(effort.sequential, effort.interval, Clock::now() + patience);
  life.cpu_us = (usher.cpu_microseconds() - cpu) / effort.sequential;
  life.loaded_mb = usher.resident_megabytes();
  life.stray = load.stray();
  life.unanswered = load.unanswered();
  usher.stop();
  return life;
}

Growth join_guilds(Bot bot, const Programs& programs, const Effort& effort) {
  DiscordLoad load(1);
  Running running(bot, programs, load);
  if (!load.wait_for_login(Clock::now() + 15s)) running.fail("does not log in");
  load.run_paced(1, 1s, Clock::now() + patience);
  Growth growth;
  growth.one_mb = running.resident_megabytes();
  const double cpu = running.cpu_microseconds();
  load.add_guilds(effort.guilds);
  // Answered behind all of them: events stay in order.
  const LoadResult last = load.run_paced(1, 2s, Clock::now() + patience);
  if (last.overhead_us.size() != 1) running.fail("did not get through the guilds");
  growth.cpu_us = (running.cpu_microseconds() - cpu) / effort.guilds;
  growth.all_mb = running.resident_megabytes();
  running.stop();
  return growth;
}

}  // namespace usher::bench
