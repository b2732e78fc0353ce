// What a bot says, against the simulated Discord on the same event loop.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "channels/discord/outbound/outbound.h"
#include "channels/discord/rest/rest.h"
#include "support/discord/discord_simulator.h"
#include "support/fakes/fake_passage.h"
#include "support/run_task.h"

namespace usher::discord {

inline constexpr const char* kCreate = "POST /channels/:channel/messages";
inline constexpr const char* kEdit = "PATCH /channels/:channel/messages/:message";
inline constexpr const char* kRespond = "PATCH /webhooks/:application/:token/messages/:message";

struct OutboundFixture {
  explicit OutboundFixture(std::function<void(DiscordOptions&)> change = {},
                           testing::DiscordSimulatorOptions simulated = {})
      : simulator(loop.get_executor(), std::move(simulated)) {
    options.name = "shop";
    options.edit_interval = std::chrono::milliseconds(40);
    options.typing_interval = std::chrono::seconds(8);
    if (change) change(options);
    rest = std::make_unique<Rest>(*http, Secret(simulator.options().token), simulator.api_root(), "shop");
    outbound = std::make_unique<Outbound>(loop.get_executor(), *rest, options);
    channel = simulator.options().channel;
  }

  channel::Outgoing outgoing(const std::string& text, const std::string& reply_to = "") const {
    return {channel, "", reply_to, true, text, {}, "answer-1"};
  }
  Result<channel::Delivery> send(const channel::Outgoing& message,
                                 std::chrono::milliseconds limit = std::chrono::seconds(5)) {
    passage = testing::FakePassage(arrived_before);
    return testing::run_task(loop, outbound->send(message, passage, Deadline::in(limit)));
  }
  // Runs the loop until `done` holds; false when that takes seconds.
  bool run_until(const std::function<bool()>& done) {
    for (int i = 0; i < 1000 && !done(); ++i) {
      loop.restart();
      loop.run_one_for(std::chrono::milliseconds(5));
    }
    return done();
  }
  void run_for(std::chrono::milliseconds time) {
    loop.restart();
    loop.run_for(time);
  }
  testing::DiscordMessage message(std::size_t number) const {
    const std::vector<testing::DiscordMessage> all = simulator.sent();
    return number < all.size() ? all[number] : testing::DiscordMessage{};
  }
  // A slash command, and what an Incoming of it carries.
  std::string interaction(bool is_ephemeral, bool is_acknowledged = true) {
    interaction_id = simulator.command({.user = "77", .name = "ask", .channel = channel});
    if (is_acknowledged) acknowledge(is_ephemeral);
    const json::object event = simulator.interaction(interaction_id);
    const std::string token(event.at("token").as_string());
    return "interaction:" + simulator.options().application + ":" + token + (is_ephemeral ? ":e" : "");
  }
  void acknowledge(bool is_ephemeral) {
    RestCall call;
    call.method = "POST";
    const std::string token(simulator.interaction(interaction_id).at("token").as_string());
    call.target = "/interactions/" + interaction_id + "/" + token + "/callback";
    call.route = "/interactions/" + interaction_id + "/callback";
    call.body = is_ephemeral ? R"({"type":5,"data":{"flags":64}})" : R"({"type":5})";
    call.is_interaction = true;
    asio::co_spawn(loop, rest->call(std::move(call), Deadline::in(std::chrono::seconds(5))), asio::detached);
    run_until([&] { return !simulator.acknowledgements().empty(); });
  }

  asio::io_context loop{1};
  testing::DiscordSimulator simulator;
  std::unique_ptr<net::HttpClient> http = net::make_http_client(loop.get_executor());
  DiscordOptions options;
  std::unique_ptr<Rest> rest;
  std::unique_ptr<Outbound> outbound;
  std::string channel, interaction_id;
  std::size_t arrived_before = 0;
  testing::FakePassage passage;  // of the last send
};

inline std::string long_text(int paragraphs) {
  std::string text;
  for (int i = 0; i < paragraphs; ++i) text += "Paragraph " + std::to_string(i) + " " + std::string(900, 'x') + ".\n\n";
  return text;
}

}  // namespace usher::discord
