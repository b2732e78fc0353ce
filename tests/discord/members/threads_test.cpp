#include "channels/discord/threads/threads.h"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <string>

#include "support/discord/discord_simulator.h"
#include "support/run_task.h"

using namespace usher;
using namespace usher::discord;
using usher::testing::DiscordSimulator;
using usher::testing::run_task;

namespace {

const std::string kAsk = "GET /channels/:channel";

struct Fixture {
  Result<std::string> parent_of(const std::string& chat) {
    return run_task(loop, threads.parent_of(chat, Deadline::in(std::chrono::seconds(5))));
  }

  asio::io_context loop{1};
  DiscordSimulator simulator{loop.get_executor()};
  std::unique_ptr<net::HttpClient> http = net::make_http_client(loop.get_executor());
  Rest rest{*http, Secret(simulator.options().token), simulator.api_root(), "shop"};
  Threads threads{rest};
  std::string channel = simulator.options().channel;
};

}  // namespace

TEST_CASE("a thread and a forum post hang under their channel, a channel under nothing, and each is asked for once") {
  Fixture f;
  const std::string thread = f.simulator.add_thread(f.channel);
  const std::string forum = f.simulator.add_channel(f.simulator.options().guild, 15);
  const std::string post = f.simulator.add_thread(forum);
  for (int i = 0; i < 2; ++i) {
    CHECK(f.parent_of(thread) == f.channel);
    CHECK(f.parent_of(post) == forum);
    CHECK(f.parent_of(f.channel) == "");
  }
  CHECK(f.simulator.count(kAsk) == 3);
}

TEST_CASE("where Discord does not say what a chat is, nobody knows") {
  Fixture f;
  f.simulator.forbid(f.channel, 50001);
  CHECK_FALSE(f.parent_of("123456789"));
  for (const char* body : {R"({"id":"1","type":0})", R"({"type":0})", R"({"id":"77"})", R"({"id":"77","type":11})",
                           R"({"id":"77","type":11,"parent_id":"../1"})", "[]"}) {
    f.simulator.fault(kAsk, {.status = 200, .content_type = "application/json", .body = body});
    CHECK_FALSE(f.parent_of("77"));
  }
  CHECK_FALSE(f.parent_of("../guilds/1"));
}
