#include "app/application.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <malloc.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>
#include <csignal>
#include <cstdlib>

#include "app/api_server.h"
#include "app/backup/backup.h"
#include "app/channels/channels.h"
#include "app/damage.h"
#include "app/data_lock.h"
#include "app/descriptors.h"
#include "app/exit_status.h"
#include "app/ledger.h"
#include "app/models.h"
#include "app/operator/find_conversations.h"
#include "base/clock.h"
#include "base/log.h"
#include "gateway/gateway.h"
#include "limits/budget.h"
#include "limits/counters.h"
#include "limits/rate.h"

namespace usher::app {
namespace {

constexpr std::size_t kPoolThreads = 2;
constexpr std::chrono::seconds kApiGrace{2};  // for requests that run when everything else has ended

int complain(const Error& error, int status = kError) {
  fmt::print(stderr, "usher: {}\n", with_advice(error).message);
  return status;
}

// SIGTERM and SIGINT ask for an orderly end; a second one ends the process at once, and well: whatever was accepted is
// in the journal, so the next start takes it up as after a kill. SIGHUP is only acknowledged.
class Signals {
 public:
  Signals(asio::io_context& loop, std::function<void()> on_stop)
      : signals_(loop, SIGINT, SIGTERM, SIGHUP), on_stop_(std::move(on_stop)) {
    wait();
  }
  void cancel() { signals_.cancel(); }

 private:
  void wait() {
    signals_.async_wait([this](boost::system::error_code error, int signal) {
      if (error) return;
      if (signal == SIGHUP) {
        spdlog::warn("SIGHUP: reloading is not available in this version; restart to apply a new config.toml");
      } else if (is_stopping_) {
        std::_Exit(kFine);
      } else {
        is_stopping_ = true;
        spdlog::info("stopping; once more stops at once");
        on_stop_();
      }
      wait();
    });
  }
  asio::signal_set signals_;
  std::function<void()> on_stop_;
  bool is_stopping_ = false;
};

void say_hello(const config::Config& config, const std::vector<std::unique_ptr<channel::Channel>>& channels,
               const gateway::Models& models) {
  std::vector<std::string> names;
  for (const auto& channel : channels) names.push_back(channel->name());
  std::vector<std::string> hints;
  for (const auto& [hint, model] : models) hints.push_back(fmt::format("{} = {}", hint, model.name));
  spdlog::info("usher {}: channels {}; models {}; data in {}", USHER_VERSION, fmt::join(names, ", "),
               fmt::join(hints, ", "), config.gateway.data_dir.string());
}

// The gateway's life in the ledger: it does not begin before that is written.
Task<Result<void>> run_gateway(gateway::Gateway& gateway, audit::Ledger& ledger, const config::Config& config) {
  Result<void> written = co_await ledger.append(process_record(config, "process:start:gateway"));
  if (!written) co_return written;
  Result<void> ended = co_await gateway.run();
  co_return ended;
}

Task<void> close_ledger(audit::DurableLedger& ledger, const config::Config& config) {
  Result<void> written = co_await ledger.append(process_record(config, "process:stop:gateway"));
  if (!written) spdlog::error("the end is not in the ledger: {}", written.error().message);
  ledger.stop();
}

// Runs the loop until all have ended: after a signal, or when the last channel has. `api` may be null.
int run_to_the_end(asio::io_context& loop, gateway::Gateway& gateway, ApiServer* api, audit::DurableLedger& ledger,
                   const config::Config& config, net::HttpClient& http) {
  Signals signals(loop, [&] { gateway.shut_down(config.gateway.shutdown_grace); });
  int status = kFine;
  asio::co_spawn(loop, ledger.run(), [&](std::exception_ptr error) {
    if (error) spdlog::critical("the ledger ended by an exception");
    signals.cancel();
    http.close_idle();
    loop.stop();
  });
  int running = api ? 2 : 1;
  const auto end_one = [&] {
    if (--running > 0) return;
    asio::co_spawn(loop, close_ledger(ledger, config), asio::detached);
  };
  if (api) {
    asio::co_spawn(loop, api->run(), [&](std::exception_ptr error) {
      if (error) spdlog::critical("the API ended by an exception");
      end_one();
    });
  }
  asio::co_spawn(loop, run_gateway(gateway, ledger, config), [&](std::exception_ptr error, Result<void> ended) {
    if (error || !ended) {
      spdlog::critical("the gateway ended: {}", error ? "an exception" : with_advice(ended.error()).message);
      status = kError;
    }
    if (api) api->stop(kApiGrace);
    end_one();
  });
  loop.run();
  return status;
}

}  // namespace

int serve(std::shared_ptr<const config::Config> config, std::optional<Sender> acting_as) {
  set_up_logging(config->gateway.log_level, config->gateway.log_format);
  // Memories are opened on one thread, used on another and closed on a third: more heaps than one end up in pieces.
  ::mallopt(M_ARENA_MAX, 1);
  std::signal(SIGPIPE, SIG_IGN);
  const std::filesystem::path& data_dir = config->gateway.data_dir;

  // Where nobody can be served, nothing is made.
  const std::optional<std::string> lacks_channel = acting_as ? std::nullopt : missing_channel(*config);
  if (lacks_channel) {
    return complain({ErrorKind::invalid, fmt::format("{}: {}", config->file.string(), *lacks_channel)},
                    kBadConfiguration);
  }

  // One process a data_dir.
  Result<DataLock> lock = DataLock::acquire(data_dir);
  if (!lock) return complain(lock.error());

  // One loop for all coroutines; a small pool for what blocks.
  asio::io_context loop(1);
  asio::thread_pool pool(kPoolThreads);
  const SystemClock clock;

  // What must survive: messages, limits, memories.
  auto journal = gateway::open_journal(data_dir / "gateway.db", loop.get_executor(), clock);
  if (!journal) return complain(journal.error());
  auto links = gateway::open_links(data_dir / "links.db", loop.get_executor(), clock);
  if (!links) return complain(links.error());
  auto counters = limits::open_counters(data_dir / "limits.db", loop.get_executor(), pool.get_executor());
  if (!counters) return complain(counters.error());
  auto windows = limits::make_rate_windows(**counters, clock);
  if (!windows) return complain(windows.error());
  Result<limits::Calendar> calendar = limits::Calendar::open(config->gateway.timezone);
  if (!calendar) return complain(calendar.error(), kBadConfiguration);
  auto budgets = limits::make_budgets(**counters, clock, std::move(*calendar));
  if (!budgets) return complain(budgets.error());
  const DescriptorShare share = share_descriptors(raise_descriptor_limit());
  auto memories = memory::make_memory_stores(pool.get_executor(), clock, share.memories);

  // The way out, for models and platforms.
  auto http = net::make_http_client(loop.get_executor());
  auto sockets = net::make_websocket_connector(loop.get_executor());
  const ModelSet models = make_models(*config, *http);

  // What proves afterwards what was allowed.
  auto ledger = open_ledger(*config, clock, loop.get_executor(), pool.get_executor(), http.get());
  if (!ledger) return complain(ledger.error());

  // Who may do what.
  const rbac::RoleResolver roles(config);
  const rbac::WorkspaceSelector workspaces(config);

  // The orchestrator and its channels.
  Channels channels = make_channels(*config, *http, *sockets, **journal, acting_as);
  gateway::Gateway gateway(loop.get_executor(),
                           gateway::Services{.config = config,
                                             .clock = clock,
                                             .journal = **journal,
                                             .ledger = **ledger,
                                             .roles = roles,
                                             .workspaces = workspaces,
                                             .links = **links,
                                             .memories = *memories,
                                             .windows = **windows,
                                             .budgets = **budgets,
                                             .models = models.models,
                                             .pool = pool.get_executor()},
                           gateway::Bounds{.max_running = share.turns});
  say_hello(*config, channels.all, models.models);
  for (auto& channel : channels.all) gateway.add(std::move(channel));

  // Copies of all that is kept, made beside everything else.
  const auto backups = make_backups(data_dir, loop.get_executor(), pool.get_executor(), *memories, clock);

  // The way in for operators and outside agents; somebody who only chats as somebody else opens none.
  Result<std::unique_ptr<ApiServer>> api;
  if (!acting_as) {
    api = make_api_server({.config = config,
                           .roles = roles,
                           .ledger = **ledger,
                           .clock = clock,
                           .loop = loop.get_executor(),
                           .pool = pool.get_executor(),
                           .readiness = [&gateway] { return gateway.readiness(); },
                           .conversations = find_conversations(**journal, config),
                           .backups = backups.get(),
                           .interactive = channels.interactive},
                          share.connections);
  }
  if (!api) return complain(api.error());

  const int status = run_to_the_end(loop, gateway, api->get(), **ledger, *config, *http);
  pool.join();
  return status;
}

}  // namespace usher::app
