// The whole channel against the simulated Discord, both on one event loop.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "channels/discord/discord.h"
#include "support/discord/discord_simulator.h"
#include "support/fakes/fake_bookmark.h"
#include "support/fakes/fake_passage.h"
#include "support/run_task.h"

namespace usher::discord {

using namespace std::chrono_literals;

struct DriverFixture {
  using Change = std::function<void(DiscordOptions&)>;

  explicit DriverFixture(Change change = {}, testing::DiscordSimulatorOptions simulated = fast())
      : simulator(loop.get_executor(), std::move(simulated)), options_change(std::move(change)) {
    make();
  }
  ~DriverFixture() {
    if (is_running) stop();
  }
  static testing::DiscordSimulatorOptions fast() {
    testing::DiscordSimulatorOptions options;
    options.identify_window = 0ms;
    return options;
  }

  void make() {
    DiscordOptions options;
    options.name = "shop";
    options.tenant = "acme";
    options.token = Secret(simulator.options().token);
    options.api_root = simulator.api_root();
    options.first_backoff = 4ms;
    options.max_backoff = 20ms;
    options.identify_interval = 5ms;
    if (options_change) options_change(options);
    channel = make_discord(*http, *sockets, bookmark, options);
  }
  void start() {
    is_running = true;
    asio::co_spawn(loop,
                   channel->run([this](std::vector<channel::Incoming> batch) { return take(this, std::move(batch)); }),
                   [this](std::exception_ptr error) {
                     is_running = false;
                     run_error = error;
                   });
  }
  void start_live() {
    start();
    REQUIRE(
        run_until([&] { return simulator.connections().size() == 1 && !simulator.connections()[0].session.empty(); }));
  }
  bool stop() {
    channel->stop();
    return run_until([&] { return !is_running; });
  }
  // As another process would go on with the same bookmark.
  void restart() {
    REQUIRE(stop());
    channel.reset();
    make();
    start();
  }

  static Task<Result<channel::TakenIn>> take(DriverFixture* self, std::vector<channel::Incoming> batch) {
    ++self->offers;
    if (self->refusal) co_return fail(*self->refusal);
    channel::TakenIn result;
    for (channel::Incoming& message : batch) {
      const bool is_known =
          std::ranges::find(self->taken, message.platform_id, &channel::Incoming::platform_id) != self->taken.end();
      result.fresh += is_known ? 0 : 1;
      self->taken.push_back(std::move(message));
    }
    co_return result;
  }
  bool run_until(const std::function<bool()>& done, std::chrono::milliseconds limit = 10s) {
    const Deadline deadline = Deadline::in(limit);
    while (!done()) {
      if (deadline.has_passed()) return false;
      loop.restart();
      loop.run_one_for(5ms);
    }
    return true;
  }
  void run_for(std::chrono::milliseconds time) {
    loop.restart();
    loop.run_for(time);
  }
  template <class T>
  T run(Task<T> task) {
    return testing::run_task(loop, std::move(task));
  }

  std::vector<std::string> texts() const {
    std::vector<std::string> out;
    for (const channel::Incoming& message : taken) out.push_back(message.text);
    return out;
  }
  std::string mention() const { return "<@" + simulator.options().bot + "> "; }

  asio::io_context loop{1};
  testing::DiscordSimulator simulator;
  Change options_change;
  std::unique_ptr<net::HttpClient> http = net::make_http_client(loop.get_executor());
  std::unique_ptr<net::WebSocketConnector> sockets = net::make_websocket_connector(loop.get_executor());
  testing::FakeBookmark bookmark;
  std::unique_ptr<Discord> channel;
  bool is_running = false;
  std::exception_ptr run_error;
  int offers = 0;
  std::vector<channel::Incoming> taken;
  std::optional<Error> refusal;
};

}  // namespace usher::discord
