// The channel as a whole: what people do on the simulated Discord, and what comes of it.
#include <algorithm>

#include "discord/driver_fixture.h"

namespace usher::discord {
namespace {

using Texts = std::vector<std::string>;
using Fault = std::function<void(testing::DiscordSimulator&)>;

const std::string kAnn = "2000000000000000001";

TEST_CASE("a direct message is taken in and answered") {
  DriverFixture f;
  f.start_live();
  const std::string id = f.simulator.direct_message(kAnn, "hello");
  REQUIRE(f.run_until([&] { return f.taken.size() == 1; }));
  const channel::Incoming& in = f.taken[0];
  CHECK(in.platform_id == id);
  CHECK(in.sender_id == kAnn);
  CHECK(in.channel == "shop");
  CHECK(in.kind == "discord");
  CHECK_FALSE(in.is_group);
  CHECK(in.chat == f.simulator.direct_channel(kAnn));
  CHECK(f.channel->tenant() == "acme");
  CHECK(f.channel->kind() == "discord");
  CHECK(f.channel->health() == "");
  testing::FakePassage passage;
  const channel::Outgoing answer{in.chat, "", in.message_id, false, "Hello, Ann.", {}, "answer-1"};
  CHECK(f.run(f.channel->send(answer, passage, Deadline::in(5s))) == channel::Delivery::sent);
  CHECK(f.simulator.visible(in.chat).back().content == "Hello, Ann.");
}

TEST_CASE("in a guild only what is meant for the bot comes, with the roles of whoever says it") {
  DriverFixture f;
  f.simulator.set_member(f.simulator.options().guild, kAnn, {"55"}, "Annie");
  f.start_live();
  f.simulator.guild_message(kAnn, "just talking");
  f.simulator.guild_message(kAnn, f.mention() + "what is up");
  f.simulator.write({.user = kAnn, .content = f.mention() + "beep", .is_bot = true});
  f.simulator.write({.user = kAnn, .content = f.mention() + "hook", .webhook = "77"});
  f.simulator.write({.user = kAnn, .content = f.mention(), .type = 7});
  f.simulator.guild_message(kAnn, f.mention() + "last");
  REQUIRE(f.run_until([&] { return f.taken.size() >= 2; }));
  CHECK(f.texts() == Texts{"what is up", "last"});
  CHECK(f.taken[0].guild == f.simulator.options().guild);
  CHECK(f.taken[0].platform_roles == Texts{"55"});
  CHECK(f.taken[0].display_name == "Annie");
  const Result<std::vector<channel::GuildRoles>> held = f.run(f.channel->roles_of(f.taken[0], Deadline::in(5s)));
  REQUIRE(held.has_value());
  REQUIRE(held->size() == 1);
  CHECK(held->front().roles == Texts{"55"});
}

TEST_CASE("an edit never runs again") {
  DriverFixture f;
  f.start_live();
  const std::string id = f.simulator.direct_message(kAnn, "once");
  REQUIRE(f.run_until([&] { return f.taken.size() == 1; }));
  f.simulator.edit(id, "twice");
  f.simulator.direct_message(kAnn, "behind it");
  REQUIRE(f.run_until([&] { return f.taken.size() == 2; }));
  CHECK(f.texts() == Texts{"once", "behind it"});
}

TEST_CASE("threads and forum posts are places of their own") {
  DriverFixture f([](DiscordOptions& o) { o.groups = GroupMode::all; });
  f.start_live();
  const std::string thread = f.simulator.add_thread(f.simulator.options().channel);
  f.simulator.write({.user = kAnn, .content = "in a thread", .channel = thread});
  const std::string forum = f.simulator.add_channel(f.simulator.options().guild, 15);
  const std::string post = f.simulator.forum_post(kAnn, forum, "in a forum");
  REQUIRE(f.run_until([&] { return f.taken.size() == 2; }));
  CHECK(f.taken[0].chat == thread);
  CHECK(f.taken[1].chat == post);
}

TEST_CASE("a restart resumes and loses nothing, and neither does a full inbox before it") {
  DriverFixture f;
  f.start_live();
  f.simulator.direct_message(kAnn, "one");
  REQUIRE(f.run_until([&] { return f.taken.size() == 1; }));
  f.refusal = Error{ErrorKind::limit, "full", std::nullopt};
  f.simulator.direct_message(kAnn, "two");
  REQUIRE(f.run_until([&] { return f.offers >= 4; }));
  CHECK(f.channel->health().find("the inbox takes nothing in: full") != std::string::npos);
  REQUIRE(f.stop());
  f.simulator.direct_message(kAnn, "three");
  f.refusal.reset();
  f.restart();
  REQUIRE(f.run_until([&] { return f.taken.size() == 3; }));
  CHECK(f.texts() == Texts{"one", "two", "three"});
  CHECK(f.simulator.identifies() == 1);
  CHECK(f.run_until([&] { return f.simulator.resumes() == 1; }));
}

TEST_CASE("a bot that is killed takes again what was not bookmarked, and nothing else is lost") {
  DriverFixture f;
  f.start_live();
  REQUIRE(f.run_until([&] { return !f.bookmark.place.empty(); }));
  const std::string old = f.bookmark.place;
  f.simulator.direct_message(kAnn, "one");
  f.simulator.direct_message(kAnn, "two");
  REQUIRE(f.run_until([&] { return f.taken.size() == 2; }));
  REQUIRE(f.stop());
  f.bookmark.place = old;
  f.restart();
  REQUIRE(f.run_until([&] { return f.taken.size() == 4; }));
  CHECK(f.texts() == Texts{"one", "two", "one", "two"});
  CHECK(f.taken[2].platform_id == f.taken[0].platform_id);
  CHECK(f.taken[3].platform_id == f.taken[1].platform_id);
}

TEST_CASE("what is taken in again after a restart gets no reaction again: it may have been answered") {
  DriverFixture f([](DiscordOptions& o) { o.acknowledge = "👀"; });
  f.start_live();
  REQUIRE(f.run_until([&] { return !f.bookmark.place.empty(); }));
  const std::string old = f.bookmark.place;
  const std::string question = f.simulator.direct_message(kAnn, "one");
  REQUIRE(f.run_until([&] { return f.simulator.reactions().size() == 1; }));
  testing::FakePassage passage;
  const channel::Outgoing answer{f.taken[0].chat, "", question, false, "Yes.", {}, "answer-1"};
  CHECK(f.run(f.channel->send(answer, passage, Deadline::in(5s))) == channel::Delivery::sent);
  REQUIRE(f.run_until([&] { return f.simulator.reactions().size() == 2; }));
  REQUIRE(f.stop());
  f.bookmark.place = old;
  f.restart();
  const std::string next = f.simulator.direct_message(kAnn, "two");
  REQUIRE(f.run_until([&] { return f.simulator.reactions().size() == 3; }));
  CHECK(f.texts() == Texts{"one", "one", "two"});
  CHECK(f.simulator.reactions()[2].message == next);
}

TEST_CASE("guild roles are known in direct messages too, also after a restart that names no guild") {
  DriverFixture f([](DiscordOptions& o) { o.roles = {"55"}; });
  const std::string guild = f.simulator.options().guild;
  f.simulator.set_member(guild, kAnn, {"55"});
  const auto roles_held = [&] {
    const std::size_t before = f.taken.size();
    f.simulator.direct_message(kAnn, "hi");
    REQUIRE(f.run_until([&] { return f.taken.size() == before + 1; }));
    const auto held = f.run(f.channel->roles_of(f.taken.back(), Deadline::in(5s)));
    REQUIRE(held.has_value());
    return held->empty() ? Texts{} : held->front().roles;
  };
  f.start_live();
  CHECK(roles_held() == Texts{"55"});
  f.restart();
  CHECK(roles_held() == Texts{"55"});
  CHECK(f.simulator.identifies() == 1);
}

TEST_CASE("direct messages go on when the bot is removed from a guild whose roles count") {
  const std::string guild = testing::DiscordSimulatorOptions().guild;
  DriverFixture f([&](DiscordOptions& o) { o.role_guilds = {guild}; });
  f.start_live();
  const json::object gone{{"id", guild}}, out{{"id", guild}, {"unavailable", true}};
  for (const json::object& event : {out, gone}) {
    f.simulator.dispatch("GUILD_DELETE", event);
    f.simulator.direct_message(kAnn, "behind it");
    const std::size_t before = f.taken.size();
    REQUIRE(f.run_until([&] { return f.taken.size() == before + 1; }));
    f.simulator.refuse("GET /guilds/:guild/members/:user", 404, 10004, "Unknown Guild");
    CHECK(f.run(f.channel->roles_of(f.taken.back(), Deadline::in(5s))).has_value() == (event == gone));
  }
}

// What was written while the connection was in trouble arrives, once, in order.
void check_survives(DriverFixture& f, const std::function<void()>& trouble) {
  const std::size_t before = f.taken.size();
  f.simulator.direct_message(kAnn, "before");
  REQUIRE(f.run_until([&] { return f.taken.size() == before + 1; }));
  trouble();
  f.simulator.direct_message(kAnn, "meanwhile");
  REQUIRE(f.run_until([&] { return f.simulator.resumes() > 0 || f.simulator.identifies() > 1; }));
  REQUIRE(f.run_until([&] { return f.channel->health().empty(); }));
  f.simulator.direct_message(kAnn, "after");
  REQUIRE(f.run_until([&] { return f.taken.back().text == "after"; }));
}

TEST_CASE("whatever happens to a connection whose session lives, every message comes once and in order") {
  const std::pair<std::string, Fault> faults[] = {
      {"cut", [](auto& s) { s.cut_connections(); }},
      {"op 7", [](auto& s) { s.ask_to_reconnect(); }},
      {"op 9 true", [](auto& s) { s.invalidate_sessions(true); }},
      {"closed 4000", [](auto& s) { s.close_connections(4000); }},
      {"closed 4008", [](auto& s) { s.close_connections(4008); }},
      {"garbage", [](auto& s) { s.send_raw("{ garbage"); }},
      {"503 at first", [](auto& s) { s.next_connection({.is_refused = true}), s.cut_connections(); }},
      {"op 7 before HELLO", [](auto& s) { s.next_connection({.reconnect_before_hello = true}), s.cut_connections(); }},
      {"closed at resume", [](auto& s) { s.next_connection({.close_at_login = 4000}), s.cut_connections(); }},
      {"op 9 true at resume", [](auto& s) { s.next_connection({.invalid_session = true}), s.cut_connections(); }},
      {"replayed twice", [](auto& s) { s.next_connection({.repeats = 100}), s.cut_connections(); }},
      {"shredded", [](auto& s) { s.next_connection({.piece_bytes = 1}), s.cut_connections(); }},
      {"cut within", [](auto& s) { s.next_connection({.cut_after_bytes = 90}), s.cut_connections(); }},
      {"cut at once", [](auto& s) { s.next_connection({.cut_after_bytes = 0}), s.cut_connections(); }},
      {"corrupt", [](auto& s) { s.next_connection({.corrupt_byte = 30}), s.cut_connections(); }},
  };
  for (const auto& [name, fault] : faults) {
    CAPTURE(name);
    DriverFixture f;
    f.start_live();
    check_survives(f, [&] { fault(f.simulator); });
    CHECK(f.texts() == Texts{"before", "meanwhile", "after"});
    CHECK(f.simulator.refused_calls() == 0);
  }
}

TEST_CASE("where a session is lost another begins, and goes on") {
  const std::pair<std::string, Fault> faults[] = {
      {"op 9 false", [](auto& s) { s.invalidate_sessions(false); }},
      {"closed 4007", [](auto& s) { s.close_connections(4007); }},
      {"closed 4009", [](auto& s) { s.close_connections(4009); }},
      {"forgotten", [](auto& s) { s.forget_sessions(), s.cut_connections(); }},
      {"dead resume address", [](auto& s) { s.refuse_resume_url(true), s.cut_connections(); }},
  };
  for (const auto& [name, fault] : faults) {
    CAPTURE(name);
    DriverFixture f;
    f.start_live();
    check_survives(f, [&] { fault(f.simulator); });
    CHECK(f.simulator.identifies() == 2);
    for (const testing::GatewayConnection& connection : f.simulator.connections()) {
      CHECK(connection.client_close.value_or(0) != 1000);
      CHECK(connection.target == f.simulator.connections()[0].target);
    }
  }
}

TEST_CASE("a zombie is noticed and left") {
  auto simulated = DriverFixture::fast();
  simulated.heartbeat_interval = 40ms;
  DriverFixture f({}, simulated);
  f.start_live();
  check_survives(f, [&] { f.simulator.stop_acknowledging(); });
  CHECK(f.texts() == Texts{"before", "meanwhile", "after"});
  CHECK(f.simulator.connections()[0].client_close == 4000);
  CHECK(f.simulator.identifies() == 1);
}

TEST_CASE("every fatal close code ends this bot, says what to do, and leaves sending as it was") {
  for (const std::uint16_t code : {4004, 4010, 4011, 4012, 4013, 4014}) {
    CAPTURE(code);
    DriverFixture f;
    f.start_live();
    f.simulator.close_connections(code);
    REQUIRE(f.run_until([&] { return !f.channel->health().empty(); }));
    CHECK(f.channel->health().starts_with("since 2"));
    CHECK(f.channel->health().find(std::to_string(code)) != std::string::npos);
    f.run_for(60ms);
    CHECK(f.simulator.connections().size() == 1);
    CHECK(f.is_running);
    testing::FakePassage passage;
    const channel::Outgoing answer{f.simulator.options().channel, "", "", true, "still here", {}, "answer-2"};
    CHECK(f.run(f.channel->send(answer, passage, Deadline::in(5s))) == channel::Delivery::sent);
  }
}

TEST_CASE("intents that the portal does not allow are told from a refused token") {
  auto simulated = DriverFixture::fast();
  simulated.refused_intents = 1 << 15;
  DriverFixture intents({}, simulated);
  intents.start();
  CHECK(
      intents.run_until([&] { return intents.channel->health().find("MESSAGE CONTENT INTENT") != std::string::npos; }));
  DriverFixture token([](DiscordOptions& o) { o.token = Secret("MTAw.wrong.token"); });
  token.start();
  CHECK(token.run_until([&] { return token.channel->health().find("token") != std::string::npos; }));
  CHECK(token.simulator.connections().empty());
}

TEST_CASE("a thousand guilds in several shards come to nothing but their messages") {
  auto simulated = DriverFixture::fast();
  simulated.shards = 4;
  DriverFixture f({}, simulated);
  f.simulator.add_guilds(1'000, 20, 10);
  f.start();
  REQUIRE(f.run_until([&] {
    const std::vector<testing::GatewayConnection> all = f.simulator.connections();
    return all.size() == 4 && std::ranges::all_of(all, [](const auto& one) { return !one.session.empty(); });
  }));
  f.simulator.direct_message(kAnn, "through the crowd");
  CHECK(f.run_until([&] { return f.texts() == Texts{"through the crowd"}; }));
  CHECK(f.channel->health() == "");
  REQUIRE(f.stop());
  f.restart();
  CHECK(f.run_until([&] { return f.simulator.resumes() == 4; }));
  CHECK(f.simulator.identifies() == 4);
}

TEST_CASE("several bots live side by side, and one that is refused harms no other") {
  DriverFixture one, two;
  one.start_live();
  two.start_live();
  one.simulator.close_connections(4014);
  CHECK(one.run_until([&] { return !one.channel->health().empty(); }));
  two.simulator.direct_message(kAnn, "for two");
  CHECK(two.run_until([&] { return two.texts() == Texts{"for two"}; }));
  CHECK(two.channel->health() == "");
}

TEST_CASE("an interaction that was taken in is acknowledged, although the channel is stopped at that moment") {
  DriverFixture f;
  f.start_live();
  f.simulator.too_many("POST /interactions/:interaction/:token/callback", "user", 0.1);
  const std::string id = f.simulator.command({.user = kAnn, .name = "whoami"});
  REQUIRE(f.run_until([&] { return f.taken.size() == 1; }));
  CHECK(f.stop());
  REQUIRE(f.simulator.acknowledgements().size() == 1);
  CHECK(f.simulator.acknowledgements()[0].interaction == id);
}

TEST_CASE("an acknowledgement that Discord does not take holds nobody up for long when the channel is stopped") {
  DriverFixture f;
  f.start_live();
  testing::HttpReply hang;
  hang.hang = true;
  f.simulator.fault("POST /interactions/:interaction/:token/callback", hang);
  f.simulator.command({.user = kAnn, .name = "whoami"});
  REQUIRE(f.run_until([&] { return f.taken.size() == 1; }));
  f.channel->stop();
  CHECK(f.run_until([&] { return !f.is_running; }, 3500ms));
  CHECK(f.run_error == nullptr);
}

TEST_CASE("a stopped channel leaves nothing on the loop") {
  DriverFixture f;
  f.start_live();
  f.simulator.direct_message(kAnn, "hi");
  REQUIRE(f.run_until([&] { return f.taken.size() == 1; }));
  CHECK(f.stop());
  CHECK(f.run_error == nullptr);
  f.channel.reset();
  f.http.reset();
  f.sockets.reset();
  f.run_for(5ms);
  CHECK(f.simulator.connections()[0].client_close == 4000);
}

}  // namespace
}  // namespace usher::discord
