// Where the next process resumes: only what is committed, and only of the session that lives.
#include <string>

#include "channels/discord/shards/backlog.h"
#include "channels/discord/shards/places.h"
#include "discord/gateway/session_fixture.h"

namespace usher::discord {
namespace {

const Place kPlace{"old", "wss://resume.gateway.example", 41};

TEST_CASE("a place moves when an event is committed, not when it comes") {
  SessionFixture f;
  f.go_live();
  CHECK_FALSE(f.session->kept().has_value());
  f.event(2);
  const Mark second = f.session->mark();
  f.event(3);
  CHECK_FALSE(f.session->kept().has_value());
  CHECK(f.session->committed(second));
  CHECK(f.session->kept() == Place{"s1", "wss://resume.gateway.example", 2});
  CHECK_FALSE(f.session->committed(second));
}

TEST_CASE("a session is resumed where an earlier process stopped") {
  SessionFixture f(kPlace);
  CHECK(f.url() == std::string("wss://resume.gateway.example") + kQuery);
  f.open();
  f.hello();
  CHECK(f.last_op() == kResume);
  CHECK(f.last_data() == json::value{{"token", "bot-token"}, {"session_id", "old"}, {"seq", 41}});
  CHECK(f.event(42).delivers);
  CHECK(f.session->committed(f.session->mark()));
  CHECK(f.session->kept()->seq == 42);
}

TEST_CASE("an earlier process's session that Discord has forgotten is followed by another") {
  SessionFixture f(kPlace);
  f.open();
  f.hello();
  f.take(R"({"op":9,"d":false})");
  f.open();
  f.hello();
  CHECK(f.last_op() == kIdentify);
  f.ready();
  CHECK(f.session->committed(f.session->mark()));
  CHECK(f.session->kept()->session_id == "s1");
}

TEST_CASE("committing an event of a session that is over does not touch the next one's place") {
  SessionFixture f;
  f.go_live();
  f.event(500);
  const Mark old = f.session->mark();
  f.session->ended(f.now, 4009);
  f.open();
  f.hello();
  f.pass(5s);
  CHECK_FALSE(f.session->committed(old));
  f.ready(1, "s2");
  CHECK_FALSE(f.session->committed(old));
  CHECK(f.session->committed(f.session->mark()));
  CHECK(f.session->kept() == Place{"s2", "wss://resume.gateway.example", 1});
}

TEST_CASE("an event that nobody wants goes with the one before it") {
  Backlog backlog;
  CHECK(backlog.skip({0, 1})->seq == 1);
  backlog.add({"MESSAGE_CREATE", "…", {0, 2}});
  CHECK_FALSE(backlog.skip({0, 3}).has_value());
  CHECK(backlog.front().through.seq == 3);
  backlog.pop();
  CHECK(backlog.skip({0, 4}).has_value());
}

TEST_CASE("a backlog is full by number and by size") {
  Backlog many, large;
  for (std::size_t i = 0; i < Backlog::kMaxEvents; ++i) {
    CHECK_FALSE(many.is_full());
    many.add({"X", "x", {}});
  }
  CHECK(many.is_full());
  large.add({"X", std::string(Backlog::kMaxBytes, 'x'), {}});
  CHECK(large.is_full());
  large.pop();
  CHECK_FALSE(large.is_full());
}

TEST_CASE("places are written and read, and fit into a bookmark") {
  Places places{kMaxShards, std::string(64, '0'), {"77", "78"}, std::vector<std::string>(16, std::string(19, '1')), {}};
  for (std::size_t i = 0; i < kMaxStanding; ++i)
    places.previews[std::to_string(i) + std::string(18, '-')] = std::to_string(UINT64_MAX - i);
  const Place longest{std::string(64, 's'), "wss://" + std::string(94, 'r'), INT64_MAX};
  for (int id = 0; id < kMaxShards; ++id) places.shards[id] = longest;
  const std::string text = encode_places(places);
  CHECK(text.size() <= 64u << 10);
  const std::optional<Places> read = decode_places(text, false);
  REQUIRE(read.has_value());
  CHECK(read->count == kMaxShards);
  CHECK(read->shards == places.shards);
  CHECK(read->identity.bot_id == "77");
  CHECK(read->terms == places.terms);
  CHECK(read->guilds == places.guilds);
  CHECK(read->previews == places.previews);
}

TEST_CASE("a bookmark that is not one, or leads elsewhere, is ignored") {
  const auto with = [](std::string shard, std::string head = R"("count":2,"bot":"7","application":"8")") {
    return "{" + head + R"(,"guilds":[],"shards":[)" + shard + "]}";
  };
  const std::string good = R"({"id":1,"session_id":"s","seq":3,"resume_url":"wss://a.example"})";
  CHECK(decode_places(with(good), false).has_value());
  const std::string bad[] = {
      "",
      "null",
      "[]",
      "\xff",
      with(good, R"("count":0,"bot":"7","application":"8")"),
      with(good, R"("count":1,"bot":"7","application":"8")"),
      with(good, R"("count":2,"bot":"x","application":"8")"),
      with(good + "," + good),
      with(R"({"id":1,"session_id":"","seq":3,"resume_url":"wss://a.example"})"),
      with(R"({"id":1,"session_id":"s","seq":-3,"resume_url":"wss://a.example"})"),
      with(R"({"id":1,"session_id":"s","seq":3,"resume_url":"ws://a.example"})"),
      with(R"({"id":1,"session_id":"s","seq":3,"resume_url":"http://a.example"})"),
      with("7"),
  };
  for (const std::string& text : bad) {
    CAPTURE(text);
    CHECK_FALSE(decode_places(text, false).has_value());
  }
  CHECK(decode_places(with(R"({"id":1,"session_id":"s","seq":3,"resume_url":"ws://a.example"})"), true).has_value());
}

}  // namespace
}  // namespace usher::discord
