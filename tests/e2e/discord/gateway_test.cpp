// The event stream's moods: whatever Discord does to the connection, each message is answered, and once.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "e2e/discord/discord_world.h"

namespace usher::e2e {
namespace {

using std::chrono::milliseconds;

struct Shop {
  DiscordWorld world;
  DiscordSimulator& discord = world.discord;

  explicit Shop(const DiscordSimulatorOptions& options = DiscordWorld::quick(), bool is_started = true)
      : world({}, options) {
    if (is_started) world.serve();
  }
  // Does something to the connection, writes while nobody listens, and waits until that is answered, once, as all is.
  void survive(const std::function<void()>& what, const std::string& words) {
    const std::size_t before = discord.connections().size();
    const std::size_t said = world.said_in(discord.options().channel).size();
    what();
    discord.guild_message(amy, world.mention(words));
    world.wait_for(discord.options().channel, words, said);
    world.wait_until_back(before);
    world.ask(ben, "and a word behind " + words);
    CHECK(world.said_in(discord.options().channel).size() == said + 2);
  }
};

std::vector<int> client_closes(const DiscordSimulator& discord) {
  std::vector<int> codes;
  for (const GatewayConnection& connection : discord.connections()) {
    if (connection.client_close) codes.push_back(*connection.client_close);
  }
  return codes;
}

TEST_CASE("every close code that is not fatal leads back, with nothing lost where the session lives") {
  for (const int code : {1000, 1001, 1006, 4000, 4001, 4002, 4003, 4005, 4007, 4008, 4009}) {
    CAPTURE(code);
    Shop shop;
    shop.world.ask(amy, "before it");
    const bool ends_session = code == 1000 || code == 1001 || code == 4007 || code == 4009;
    const auto close = [&] {
      if (code == 1006) {
        shop.discord.cut_connections();
      } else {
        shop.discord.close_connections(static_cast<std::uint16_t>(code));
      }
      // What is said while there is no session is lost to everybody.
      if (ends_session) shop.world.wait_until_back(1);
    };
    shop.survive(close, "behind it");
    CHECK(shop.discord.identifies() == (ends_session ? 2 : 1));
    CHECK(shop.discord.resumes() + shop.discord.identifies() >= 2);
  }
}

TEST_CASE("a connection that no longer acknowledges heartbeats is left, resumably, and resumed") {
  DiscordSimulatorOptions options = DiscordWorld::quick();
  options.heartbeat_interval = milliseconds(300);
  Shop shop(options);
  shop.survive([&] { shop.discord.stop_acknowledging(); }, "to a zombie");
  shop.world.wait_until([&] { return shop.discord.resumes() >= 1; }, "it resumes");
  for (const int code : client_closes(shop.discord)) CHECK((code != 1000 && code != 1001));
  CHECK(shop.discord.identifies() == 1);
}

TEST_CASE("a frozen connection is found out by its heartbeats") {
  DiscordSimulatorOptions options = DiscordWorld::quick();
  options.heartbeat_interval = milliseconds(300);
  Shop shop(options);
  shop.survive([&] { shop.discord.freeze_connections(); }, "into the ice");
  CHECK(shop.discord.identifies() == 1);
}

TEST_CASE("heartbeats begin somewhere within the first interval, and one that is asked for comes at once") {
  DiscordSimulatorOptions options = DiscordWorld::quick();
  options.heartbeat_interval = milliseconds(400);
  Shop shop(options);
  shop.world.wait_until([&] { return shop.discord.connections()[0].heartbeats >= 2; }, "two heartbeats");
  CHECK(shop.discord.connections()[0].first_heartbeat_after < milliseconds(600));
  CHECK(shop.discord.connections().size() == 1);

  Shop calm;  // its heartbeats are 41 s apart
  const std::size_t before = calm.discord.connections()[0].heartbeats;
  calm.discord.ask_for_heartbeat();
  calm.world.wait_until([&] { return calm.discord.connections()[0].heartbeats > before; }, "a heartbeat on demand");
}

TEST_CASE("op 7 is followed by a resume, also when it comes before HELLO") {
  Shop shop;
  shop.survive([&] { shop.discord.ask_to_reconnect(); }, "at a reconnect");
  shop.discord.next_connection({.reconnect_before_hello = true});
  shop.survive([&] { shop.discord.ask_to_reconnect(); }, "at two reconnects");
  CHECK(shop.discord.identifies() == 1);
  CHECK(shop.discord.resumes() == 2);
}

TEST_CASE("op 9 that allows it is followed by a resume, op 9 that does not by a new session") {
  Shop shop;
  shop.survive([&] { shop.discord.invalidate_sessions(true); }, "resumable");
  CHECK(shop.discord.identifies() == 1);
  const std::size_t before = shop.discord.connections().size();
  shop.survive(
      [&] {
        shop.discord.invalidate_sessions(false);
        shop.world.wait_until_back(before);
      },
      "not resumable");
  CHECK(shop.discord.identifies() == 2);
  const GatewayConnection last = shop.discord.connections().back();
  CHECK_FALSE(last.is_at_resume_url);
}

TEST_CASE("a resume is answered with op 9: a new session begins where sessions begin") {
  Shop shop;
  shop.discord.forget_sessions();
  shop.survive(
      [&] {
        shop.discord.cut_connections();
        shop.world.wait_until_back(2);
      },
      "after amnesia");
  const std::vector<GatewayConnection> all = shop.discord.connections();
  REQUIRE(all.size() >= 3);
  CHECK(all[1].is_at_resume_url);
  CHECK_FALSE(all.back().is_at_resume_url);
}

TEST_CASE("where the address to resume at is dead, a new session begins at the first one") {
  Shop shop;
  shop.discord.refuse_resume_url(true);
  shop.survive(
      [&] {
        shop.discord.cut_connections();
        shop.world.wait_until_back(1);
      },
      "by the other door");
  CHECK_FALSE(shop.discord.connections().back().is_at_resume_url);
  CHECK(shop.discord.identifies() == 2);
}

TEST_CASE("a resume asks with the same query as the first connection") {
  Shop shop;
  shop.survive([&] { shop.discord.cut_connections(); }, "same words");
  const std::vector<GatewayConnection> all = shop.discord.connections();
  REQUIRE(all.size() == 2);
  CHECK(all[1].is_at_resume_url);
  CHECK(all[0].target.substr(all[0].target.find('?')) == all[1].target.substr(all[1].target.find('?')));
  CHECK(contains(all[0].target, "v=10"));
}

TEST_CASE("what a resume replays although it was there before is answered no second time") {
  Shop shop;
  for (int i = 0; i < 4; ++i) shop.world.ask(amy, "number " + std::to_string(i));
  shop.discord.next_connection({.repeats = 1000});
  shop.survive([&] { shop.discord.cut_connections(); }, "once more");
  CHECK(shop.world.model.requests().size() == 6);
}

TEST_CASE("compressed frames may come in pieces of any size, be cut at any byte, or be no zlib at all") {
  const char* replayed = std::getenv("USHER_SEED");
  const unsigned seed = replayed ? static_cast<unsigned>(std::strtoul(replayed, nullptr, 10)) : std::random_device{}();
  MESSAGE("USHER_SEED=", seed);
  std::mt19937 random(seed);
  const auto below = [&](std::size_t bound) { return random() % bound; };
  for (int i = 0; i < 3; ++i) {
    const std::size_t cut = below(400), piece = 1 + below(40);
    CAPTURE(cut);
    CAPTURE(piece);
    Shop shop(DiscordWorld::quick(), false);
    shop.discord.next_connection({.piece_bytes = 1});
    shop.world.serve();
    shop.world.ask(amy, "byte by byte");
    shop.discord.next_connection({.piece_bytes = piece, .cut_after_bytes = cut});
    // Behind the header a byte that is turned over may well make another frame that can be read.
    shop.discord.next_connection({.corrupt_byte = below(2)});
    shop.discord.next_connection({.piece_bytes = piece});
    shop.survive([&] { shop.discord.cut_connections(); }, "bit by bit");
    CHECK(shop.discord.identifies() == 1);
  }
}

TEST_CASE("frames that are no JSON, events without sense and unknown ones do not stop the stream") {
  Shop shop;
  shop.discord.dispatch("MESSAGE_CREATE", {{"id", 7}, {"author", "nobody"}}, shop.discord.options().guild);
  shop.discord.dispatch("MESSAGE_CREATE", {}, shop.discord.options().guild);
  shop.discord.dispatch("INTERACTION_CREATE", {{"type", 99}}, shop.discord.options().guild);
  shop.discord.dispatch("SOMETHING_NEW", {{"deep", json::array{1, 2, 3}}});
  shop.world.ask(amy, "still there?");
  shop.survive([&] { shop.discord.send_raw("{\"op\":"); }, "behind nonsense");
}

TEST_CASE("a start that meets limits, bad gateways and refused upgrades waits them out") {
  Shop shop(DiscordWorld::quick(), false);
  shop.discord.too_many("GET /gateway/bot", "global", 0.2);
  shop.discord.server_error("GET /gateway/bot", 503);
  shop.discord.next_connection({.is_refused = true});
  shop.discord.next_connection({.close_at_login = 4000});
  shop.world.serve();
  shop.world.ask(amy, "here at last");
}

TEST_CASE("when the day's sessions are used up, usher waits instead of losing the token, and says so") {
  DiscordSimulatorOptions options = DiscordWorld::quick();
  options.session_starts = 1;
  Shop shop(options);
  shop.discord.forget_sessions();
  shop.discord.cut_connections();
  shop.world.wait_until([&] { return shop.world.get("/readyz").status == 503; }, "usher is not ready");
  shop.world.wait_until([&] { return contains(shop.world.gateway().errors(), "daily limit"); }, "it says why");
  CHECK(shop.discord.identifies() == 1);
}

}  // namespace
}  // namespace usher::e2e
