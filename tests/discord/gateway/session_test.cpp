// What a session does as time goes by and Discord speaks, without any socket.
#include "channels/discord/gateway/session.h"

#include <algorithm>

#include "discord/gateway/session_fixture.h"

namespace usher::discord {
namespace {

const std::string kMain = std::string("wss://gateway.example") + kQuery;
const std::string kResumeUrl = std::string("wss://resume.gateway.example") + kQuery;

TEST_CASE("a session identifies with token, intents and shard when it is greeted") {
  SessionFixture f;
  CHECK(f.url() == kMain);
  CHECK(f.wait() == 0ms);
  f.open();
  CHECK(f.sent.empty());
  CHECK(f.hello().send.size() == 1);
  CHECK(f.last_op() == kIdentify);
  CHECK(f.last_data().at("token") == "bot-token");
  CHECK(f.last_data().at("intents") == 37377);
  CHECK(f.last_data().at("shard") == json::array{1, 3});
  CHECK_FALSE(f.session->is_live());
  CHECK(f.ready().delivers);
  CHECK(f.session->is_live());
  CHECK(f.session->identity()->bot_id == "77");
  CHECK(f.session->identity()->application_id == "78");
}

TEST_CASE("the first heartbeat comes after a random share of the interval, the others after all of it") {
  for (const double share : {0.0, 0.25, 0.99}) {
    SessionFixture f;
    f.random = share;
    f.open();
    f.hello(40'000);
    const auto first = std::chrono::milliseconds(static_cast<int>(40'000 * share));
    CHECK(f.session->wake_at() - f.now == first);
    f.ready(5);
    f.wake();
    CHECK(f.last_op() == kHeartbeat);
    CHECK(f.last_data() == 5);
    f.acknowledge();
    CHECK(f.session->wake_at() - f.now == 40s);
    CHECK(f.pass(39s).send.empty());
    CHECK(f.pass(1s).send.size() == 1);
  }
}

TEST_CASE("a heartbeat that Discord asks for is sent at once and names the last event") {
  SessionFixture f;
  f.open();
  f.hello();
  f.take(R"({"op":1,"d":null})");
  CHECK(f.last_op() == kHeartbeat);
  CHECK(f.last_data().is_null());
  f.ready();
  f.event(9);
  f.take(R"({"op":1,"d":null})");
  CHECK(f.last_data() == 9);
}

TEST_CASE("a heartbeat without answer makes a zombie: closed resumably, resumed with the same query") {
  SessionFixture f;
  f.go_live();
  f.event(4);
  f.wake();
  const Reaction reaction = f.wake();
  REQUIRE(reaction.close.has_value());
  CHECK(*reaction.close != 1000);
  CHECK(*reaction.close != 1001);
  CHECK(reaction.send.empty());
  CHECK(f.session->trouble().find("heartbeat") != std::string::npos);
  CHECK(f.url() == kResumeUrl);
  f.resume();
  CHECK(f.last_op() == kResume);
  CHECK(f.last_data() == json::value{{"token", "bot-token"}, {"session_id", "s1"}, {"seq", 4}});
}

TEST_CASE("a heartbeat that was answered makes none") {
  SessionFixture f;
  f.go_live();
  for (int i = 0; i < 5; ++i) {
    CHECK_FALSE(f.wake().close.has_value());
    f.acknowledge();
  }
}

TEST_CASE("what the old socket did not acknowledge is not held against the new one") {
  SessionFixture f;
  f.go_live();
  f.wake();  // not acknowledged
  f.session->ended(f.now, 0);
  f.resume();
  CHECK_FALSE(f.wake().close.has_value());
  CHECK(f.last_op() == kHeartbeat);
}

TEST_CASE("missed events are delivered once, in order, before RESUMED") {
  SessionFixture f;
  f.go_live();
  f.event(2);
  f.session->ended(f.now, 0);
  f.resume();
  CHECK_FALSE(f.session->is_live());
  CHECK_FALSE(f.event(2).delivers);  // it came before
  CHECK(f.event(3).delivers);
  CHECK(f.event(4).delivers);
  f.event(5, "RESUMED");
  CHECK(f.session->is_live());
  CHECK(f.session->trouble() == "");
  CHECK(f.session->mark().seq == 5);
}

TEST_CASE("op 7 reconnects and resumes, before HELLO too") {
  SessionFixture f;
  f.go_live();
  for (const bool is_greeted : {true, false, false, false}) {
    const Reaction reaction = f.take(R"({"op":7,"d":null})");
    CHECK(reaction.close == kLeaveResumable);
    CHECK(f.url() == kResumeUrl);
    f.open();
    if (is_greeted) f.hello();
    if (is_greeted) CHECK(f.last_op() == kResume);
  }
}

TEST_CASE(
    "an invalid session that is resumable is resumed, another one is begun anew after a wait at the main address") {
  SessionFixture f;
  f.go_live();
  CHECK(f.take(R"({"op":9,"d":true})").close == kLeaveResumable);
  CHECK(f.url() == kResumeUrl);
  f.resume();
  CHECK(f.last_op() == kResume);
  for (const double share : {0.0, 0.5, 0.999}) {
    f.random = share;
    CHECK(f.take(R"({"op":9,"d":false})").close.has_value());
    CHECK(f.url() == kMain);
    CHECK(f.wait() >= 1s);
    f.resume();
    f.pass(5s);
    CHECK(f.last_op() == kIdentify);
  }
}

TEST_CASE("the wait after an invalid session is one to five seconds") {
  for (const auto& [share, wait] : {std::pair{0.0, 1000ms}, {0.5, 3000ms}, {0.999, 4996ms}}) {
    SessionFixture f;
    f.go_live();
    f.random = share;
    f.take(R"({"op":9,"d":false})");
    CHECK(f.wait() == wait);
  }
}

TEST_CASE("every close code does what it is documented to do") {
  struct Row {
    std::uint16_t code;
    const char* next;
  };
  const Row rows[] = {{0, "resume"},    {1000, "resume"},   {1001, "resume"}, {1006, "resume"}, {4000, "resume"},
                      {4001, "resume"}, {4002, "resume"},   {4003, "resume"}, {4005, "resume"}, {4007, "identify"},
                      {4008, "resume"}, {4009, "identify"}, {4999, "resume"}, {1005, "resume"}, {4004, "fatal"},
                      {4010, "fatal"},  {4011, "fatal"},    {4012, "fatal"},  {4013, "fatal"},  {4014, "fatal"}};
  for (const Row& row : rows) {
    CAPTURE(row.code);
    SessionFixture f;
    f.go_live();
    f.session->ended(f.now, row.code);
    const std::string next = row.next;
    CHECK(f.session->is_fatal() == (next == "fatal"));
    CHECK(f.session->trouble() != "");
    if (next == "fatal") {
      CHECK(f.session->trouble().find(std::to_string(row.code)) != std::string::npos);
      CHECK(f.session->wake_at() == Time::max());
      continue;
    }
    CHECK(f.url() == (next == "resume" ? kResumeUrl : kMain));
    f.resume();
    f.pass(5s);
    CHECK(f.last_op() == (next == "resume" ? kResume : kIdentify));
  }
}

TEST_CASE("an operator reads what to do about missing intents and a refused token") {
  CHECK(explain_close(4014).find("MESSAGE CONTENT INTENT") != std::string::npos);
  CHECK(explain_close(4014).find("`intents`") != std::string::npos);
  CHECK(explain_close(4004).find("developer portal") != std::string::npos);
}

TEST_CASE("a resume address that alone fails costs the session, at the main one") {
  SessionFixture f;
  f.go_live();
  f.session->ended(f.now, 0);
  for (int i = 0; i < 3; ++i) {
    CHECK(f.url() == kResumeUrl);  // once may be an accident
    f.session->ended(f.now, 0, "refused");
  }
  CHECK(f.url() == kMain);
  f.resume();
  f.pass(5s);
  CHECK(f.last_op() == kIdentify);
  CHECK(f.ready(1, "s2", "wss://other.gateway.example").delivers);
  f.session->ended(f.now, 0);
  CHECK(f.url() == std::string("wss://other.gateway.example") + kQuery);
}

TEST_CASE("a session outlives a network that is down: no address answers, so none is dead") {
  SessionFixture f;
  f.go_live();
  f.session->ended(f.now, 0);
  std::vector<std::string> tried;
  for (int i = 0; i < 12; ++i) {
    tried.push_back(f.url());
    f.session->ended(f.now, 0, "no route");
  }
  CHECK(std::ranges::count(tried, kMain) == 3);
  CHECK(f.url() == kResumeUrl);
  f.resume();
  CHECK(f.last_op() == kResume);
}

TEST_CASE("resumes that come to nothing are not tried for ever") {
  SessionFixture f;
  f.go_live();
  int resumes = 0;
  for (f.session->ended(f.now, 4000); resumes < 20; ++resumes) {
    f.resume();
    f.pass(5s);
    if (f.last_op() == kIdentify) break;
    f.session->ended(f.now, 4000);
  }
  CHECK(resumes > 2);
  CHECK(resumes < 10);
}

TEST_CASE("HELLO, READY and RESUMED that never come are waited for no longer than their deadline") {
  SessionFixture f;
  f.open();
  CHECK(f.session->wake_at() - f.now == 20s);
  CHECK(f.wake().close == kLeaveResumable);
  f.open();
  f.hello(600'000);
  CHECK(f.pass(59s).close == std::nullopt);
  CHECK(f.pass(1s).close == kLeaveResumable);
  f.open();
  f.hello();
  f.ready();
  CHECK(f.pass(1ms).close == std::nullopt);
  f.session->ended(f.now, 0);
  f.open();
  f.hello(600'000);
  f.pass(50s);
  f.event(2);  // it does answer
  CHECK(f.pass(50s).close == std::nullopt);
  CHECK(f.pass(10s).close == kLeaveResumable);
}

TEST_CASE("reconnecting backs off, with jitter, and starts anew after a good while") {
  SessionFixture f;
  f.random = 0;
  f.go_live();
  std::vector<Time::duration> waits;
  for (int i = 0; i < 9; ++i) {
    f.session->ended(f.now, 0);
    waits.push_back(f.wait());
  }
  CHECK(waits.front() == 250ms);
  CHECK(waits[1] == 500ms);
  CHECK(waits.back() == 15s);
  f.random = 0.99;
  f.session->ended(f.now, 0);
  CHECK(f.wait() > 29s);
  CHECK(f.wait() <= 30s);
  f.resume();
  f.ready();
  f.pass(11s);
  f.session->ended(f.now, 0);
  CHECK(f.wait() < 501ms);
}

TEST_CASE("a connection sends at most 120 messages a minute, whatever Discord asks for, and its own beats go on") {
  SessionFixture f;
  f.random = 0.5;
  f.open();
  f.hello(10'000);
  f.ready();
  std::vector<Time> sent;
  for (int second = 0; second < 180; ++second) {
    for (int i = 0; i < 10; ++i) {
      for (std::size_t n = f.take(R"({"op":1})").send.size(); n > 0; --n) sent.push_back(f.now);
    }
    const Reaction reaction = f.pass(1s);
    CHECK_FALSE(reaction.close.has_value());
    const bool was_due = second % 10 == 4;
    CHECK(reaction.send.size() == (was_due ? 1 : 0));
    for (std::size_t n = reaction.send.size(); n > 0; --n) sent.push_back(f.now);
    f.acknowledge();
  }
  for (std::size_t i = 120; i < sent.size(); ++i) CHECK(sent[i] - sent[i - 120] >= 60s);
}

TEST_CASE("a heartbeat interval that nobody can keep does not break the limit either") {
  SessionFixture f;
  f.open();
  f.hello(10);
  f.ready();
  std::size_t sent = 1;
  for (const Time end = f.now + 59s; f.now < end; f.now += 10ms) {
    const Reaction reaction = f.note(f.session->pass(f.now));
    REQUIRE_FALSE(reaction.close.has_value());
    sent += reaction.send.size();
    f.acknowledge();
  }
  CHECK(sent == 120);
}

TEST_CASE("a new session's heartbeats know nothing of the old one's events") {
  SessionFixture f;
  f.go_live();
  f.event(99);
  f.session->ended(f.now, 4009);
  f.open();
  f.hello();
  f.take(R"({"op":1})");
  CHECK(f.last_op() == kHeartbeat);
  CHECK(f.last_data().is_null());
}

TEST_CASE("nothing longer than 4096 bytes is ever sent") {
  const std::string longest(64, 'x');
  CHECK(encode_resume(Secret(std::string(256, 't')), longest, INT64_MAX).size() <= kMaxSentBytes);
  CHECK(encode_identify(Secret(std::string(256, 't')), UINT32_MAX, 255, 256).size() <= kMaxSentBytes);
  SessionFixture f;
  f.open();
  f.hello();
  CHECK(f.ready(1, longest + "x").close.has_value());
}

TEST_CASE("while nothing is read, nobody is blamed for silence, but beats go on") {
  SessionFixture f;
  f.go_live();
  f.session->hold(f.now, true);
  for (int i = 0; i < 4; ++i) {
    const Reaction reaction = f.wake();
    CHECK_FALSE(reaction.close.has_value());
    CHECK(reaction.send.size() == 1);
  }
  f.session->hold(f.now, false);
  CHECK_FALSE(f.wake().close.has_value());
  CHECK(f.wake().close.has_value());  // and now it is silent
}

TEST_CASE("what is no event, and what a session does not expect, ends or changes nothing but its connection") {
  SessionFixture f;
  f.open();
  CHECK_FALSE(f.event(1).delivers);  // before HELLO
  f.hello();
  CHECK_FALSE(f.event(1).delivers);  // before READY
  f.take(R"({"op":250})");
  f.ready();
  CHECK(f.hello().send.empty());
  CHECK(f.session->is_live());
  CHECK(f.session->refuse(f.now, "garbage").close == kLeaveResumable);
  CHECK(f.session->trouble() == "garbage");
  CHECK(f.url() == kResumeUrl);
  CHECK_FALSE(f.event(2).delivers);  // from a socket that is no more
  f.open();
  CHECK(f.take(R"({"op":10,"d":{"heartbeat_interval":"soon"}})").close == kLeaveResumable);
  f.open();
  CHECK(f.take(R"({"op":10,"d":{"heartbeat_interval":-1}})").close == kLeaveResumable);
}

TEST_CASE("a resume address that is not TLS is not used") {
  for (const char* url : {"ws://plain.example", "http://x", "wss://", "wss://user@x", "wss://x?y=1", ""}) {
    SessionFixture f;
    f.open();
    f.hello();
    f.ready(1, "s1", url);
    f.session->ended(f.now, 0);
    CHECK(f.url() == kMain);
    f.resume();
    CHECK(f.last_op() == kResume);
  }
}

}  // namespace
}  // namespace usher::discord
