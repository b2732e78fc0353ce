// A whole gateway in one thread: real journal, memories, limits and files in a temporary directory, a scripted model, a
// channel under the test's hand, and an injected clock for everything that counts time.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <filesystem>
#include <fstream>

#include "config/load.h"
#include "fake_channel.h"
#include "gateway/gateway.h"
#include "gateway/room/texts.h"
#include "limits/counters.h"
#include "support/fakes/fake_ledger.h"
#include "support/fakes/fake_provider.h"
#include "support/manual_clock.h"
#include "support/run_task.h"
#include "support/temp_dir.h"

namespace usher::testing {

// What every config of these tests begins with.
inline const std::string kGatewayConfig = R"(
[gateway]
data_dir = "data"
workspaces_dir = "rooms"
[providers.fake]
kind = "demo"
[models.default]
provider = "fake"
model = "fake-1"
input_usd_per_mtok = 1.0
output_usd_per_mtok = 1.0
max_output_tokens = 100
[agent]
max_iterations = 3
[[channels.telegram]]
name = "bot"
token = "${TOKEN}"
)";

inline const std::string kShopConfig = kGatewayConfig + R"(
[rbac]
default_role = "buyer"
[rbac.roles.buyer]
autonomy = "readonly"
allowed_tools = ["product_search", "memory_*"]
workspace = "shop"
rate_limit_per_minute = 3
[rbac.roles.owner]
autonomy = "full"
allowed_tools = ["*"]
workspace = "office"
[rbac.workspaces.shop]
path = "shop"
[rbac.workspaces.office]
path = "office"
[[rbac.assignments]]
sender = "telegram:1"
role = "owner"
[[rbac.groups]]
chat = "telegram:-100"
ceiling = "buyer"
)";

class GatewayFixture {
 public:
  // `died`: another one whose files this one goes on with, as they are now: as if that process had been killed.
  explicit GatewayFixture(std::string_view config_text = kShopConfig, const GatewayFixture* died = nullptr) {
    if (died) std::filesystem::copy(died->dir.path(), dir.path(), std::filesystem::copy_options::recursive);
    add_room("shop", "You sell things.");
    add_room("office", "You run the shop.");
    config::Environment env = [](const std::string& name) -> std::optional<std::string> {
      if (name == "TOKEN") return "4242:AAtesttesttesttesttesttesttesttesttest";
      return std::nullopt;
    };
    config::Loaded loaded = config::load_text(config_text, dir / "config.toml", env, false);
    for (const config::Problem& problem : loaded.problems) MESSAGE(config::to_string(problem));
    REQUIRE(loaded.config);
    config = loaded.config;
    std::filesystem::create_directories(config->gateway.data_dir);
    if (!died) start();
  }
  ~GatewayFixture() { stop(); }

  void add_room(const std::string& name, const std::string& agents_md) {
    std::filesystem::create_directories(dir / "rooms" / name);
    std::ofstream(dir / "rooms" / name / "AGENTS.md") << agents_md;
  }

  // A process begins: everything is opened anew over the same files. After `died` it is called by the test, which may
  // first say how the model and the channel behave.
  void start(gateway::Bounds bounds = {}) {
    pool.emplace(1);
    auto opened = gateway::open_journal(config->gateway.data_dir / "gateway.db", loop.get_executor(), clock);
    REQUIRE(opened);
    journal = std::move(*opened);
    links = std::move(*gateway::open_links(config->gateway.data_dir / "links.db", loop.get_executor(), clock));
    if (wrap) journal = wrap(std::move(journal));
    auto opened_counters = limits::open_counters(config->gateway.data_dir / "limits.db");
    REQUIRE(opened_counters);
    counters = std::move(*opened_counters);
    windows = std::move(*limits::make_rate_windows(*counters, clock));
    budgets = std::move(*limits::make_budgets(*counters, clock, *limits::Calendar::open("UTC")));
    memories = memory::make_memory_stores(pool->get_executor(), clock);
    roles.emplace(config);
    workspaces.emplace(config);
    models["default"] = {.provider = &model,
                         .price = {.input_per_mtok = MicroUsd{1'000'000},
                                   .output_per_mtok = MicroUsd{1'000'000},
                                   .max_output_tokens = 100},
                         .name = "fake-1"};
    gateway.emplace(loop.get_executor(),
                    gateway::Services{.config = config,
                                      .clock = clock,
                                      .journal = *journal,
                                      .ledger = ledger,
                                      .roles = *roles,
                                      .workspaces = *workspaces,
                                      .links = *links,
                                      .memories = *memories,
                                      .windows = *windows,
                                      .budgets = *budgets,
                                      .models = models,
                                      .pool = pool->get_executor()},
                    bounds);
    auto made = std::make_unique<FakeChannel>(loop.get_executor(), "bot");
    channel = made.get();
    channel->resends = resends;
    gateway->add(std::move(made));
    if (has_other) {
      auto second = std::make_unique<FakeChannel>(loop.get_executor(), "other");
      other = second.get();
      gateway->add(std::move(second));
    }
    bool is_ready = false;
    channel->on_ready = [&] {
      is_ready = true;
      loop.stop();
    };
    has_ended = false;
    asio::co_spawn(loop, gateway->run(), [this](std::exception_ptr error, Result<void> ended) {
      CHECK_FALSE(error);
      CHECK(ended);
      has_ended = true;
      loop.stop();
    });
    loop.restart();
    loop.run();
    REQUIRE(is_ready);
  }

  // An orderly end.
  void stop(std::chrono::seconds grace = std::chrono::seconds(5)) {
    if (!gateway) return;
    gateway->shut_down(grace);
    while (!has_ended) run_some();
    close();
  }

  Result<channel::TakenIn> deliver(std::vector<channel::Incoming> batch) {
    return run_task(loop, channel->deliver(std::move(batch)));
  }
  // Delivers and waits for the answer to the last of it.
  std::string ask(channel::Incoming incoming) {
    const std::size_t before = channel->sent.size();
    REQUIRE(deliver({std::move(incoming)}));
    wait_for_sent(before + 1);
    return channel->sent.back().text;
  }
  // As the platform would deliver it; also while no gateway runs.
  channel::Incoming channel_message(const std::string& sender, const std::string& text) {
    return FakeChannel(loop.get_executor(), "bot").message(sender, text);
  }
  std::string ask(const std::string& sender, const std::string& text) { return ask(channel->message(sender, text)); }

  void wait_for_sent(std::size_t count) {
    while (channel->sent.size() < count) run_some();
  }
  // One event of the loop; a loop without any for 10 s has lost something.
  void run_some() {
    loop.restart();
    REQUIRE(loop.run_one_for(std::chrono::seconds(10)) == 1);
  }

  TempDir dir;
  ManualClock clock;
  asio::io_context loop{1};
  std::shared_ptr<const config::Config> config;
  FakeProvider model;
  gateway::Models models;
  std::optional<asio::thread_pool> pool;
  std::unique_ptr<gateway::Journal> journal;
  std::unique_ptr<gateway::Links> links;
  FakeLedger ledger;
  std::unique_ptr<limits::Counters> counters;
  std::unique_ptr<limits::RateWindows> windows;
  std::unique_ptr<limits::Budgets> budgets;
  std::unique_ptr<memory::MemoryStores> memories;
  std::optional<rbac::RoleResolver> roles;
  std::optional<rbac::WorkspaceSelector> workspaces;
  std::optional<gateway::Gateway> gateway;
  FakeChannel* channel = nullptr;
  FakeChannel* other = nullptr;
  bool has_other = false;
  std::function<std::unique_ptr<gateway::Journal>(std::unique_ptr<gateway::Journal>)> wrap;
  std::chrono::seconds resends{0};  // of the next start's channel
  bool has_ended = false;

 private:
  void close() {
    gateway.reset();
    memories.reset();
    pool->join();
    budgets.reset();
    windows.reset();
    counters.reset();
    journal.reset();
    links.reset();
    pool.reset();
  }
};

}  // namespace usher::testing
