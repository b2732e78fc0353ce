// Comparing and compiling policies: who asks for much waits for himself and keeps nobody else waiting.
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <future>

#include "admin/api_fixture.h"
#include "admin/fairness/policies.h"
#include "admin/fairness/turns.h"

using namespace usher;
using admin::Policies;
using admin::Turns;
using testing::Answer;
using testing::ApiFixture;
using testing::policy_for;

namespace {

const std::string kRead = R"({"action":"data:read:x"})";

using Pending = std::vector<std::shared_ptr<std::optional<Answer>>>;

// `count` patterns that begin with `prefix`, each different.
policy::PolicyDocument many(const std::string& prefix, int count) {
  policy::PolicyDocument document{.allowed_actions = {}};
  for (int i = 0; i < count; ++i) document.allowed_actions.push_back(prefix + std::to_string(i) + "*");
  return document;
}

std::string subagent_of(const policy::PolicyDocument& document) {
  return R"({"policy":)" + policy::to_json(document) + "}";
}

// A pool whose only thread is held until open().
class Gate {
 public:
  explicit Gate(asio::thread_pool& pool) {
    asio::post(pool, [opened = opened_.get_future().share()]() { opened.wait(); });
  }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() { open(); }
  void open() {
    if (!std::exchange(is_open_, true)) opened_.set_value();
  }

 private:
  std::promise<void> opened_;
  bool is_open_ = false;
};

// What is answered while the pool does nothing.
Answer answer_without_pool(ApiFixture& f, const std::string& target, const std::string& secret,
                           const std::string& body) {
  Pending one{f.begin_post(target, secret, body)};
  f.wait_for(one);
  return **one[0];
}

// Asks for a turn and keeps what it got.
struct Asking {
  std::optional<Result<std::unique_ptr<Turns::Turn>>> got;
  asio::cancellation_signal cancel;

  Asking(asio::io_context& loop, Turns& turns, std::string family) {
    asio::co_spawn(loop, turns.take(std::move(family)),
                   asio::bind_cancellation_slot(cancel.slot(), [this](const std::exception_ptr& error, auto turn) {
                     if (!error) got = std::move(turn);
                   }));
    run(loop);
  }
  static void run(asio::io_context& loop) {
    loop.restart();
    loop.poll();
  }
  bool has_turn() const { return got && got->has_value(); }
  bool is_refused(ErrorKind kind) const { return got && !got->has_value() && got->error().kind == kind; }
  void end(asio::io_context& loop) {
    got.reset();
    run(loop);
  }
};

}  // namespace

TEST_CASE("one has the turn at a time, and they come in the order asked for") {
  asio::io_context loop(1);
  Turns turns({.of_family = 2, .waiting = 3});
  Asking first(loop, turns, "a");
  Asking second(loop, turns, "a");
  Asking third(loop, turns, "b");
  CHECK(first.has_turn());
  CHECK_FALSE(second.got);
  CHECK_FALSE(third.got);
  CHECK(Asking(loop, turns, "a").is_refused(ErrorKind::limit));
  Asking fourth(loop, turns, "c");
  CHECK(Asking(loop, turns, "d").is_refused(ErrorKind::busy));
  first.end(loop);
  CHECK(second.has_turn());
  CHECK_FALSE(third.got);
  Asking again(loop, turns, "a");
  second.end(loop);
  CHECK(third.has_turn());
  CHECK_FALSE(fourth.got);
  third.end(loop);
  CHECK(fourth.has_turn());
  fourth.end(loop);
  CHECK(again.has_turn());
}

TEST_CASE("who gives up leaves neither his place nor his turn behind") {
  asio::io_context loop(1);
  Turns turns({.of_family = 2, .waiting = 1});
  Asking first(loop, turns, "a");
  Asking second(loop, turns, "a");
  CHECK(Asking(loop, turns, "a").is_refused(ErrorKind::limit));
  CHECK(Asking(loop, turns, "b").is_refused(ErrorKind::busy));
  second.cancel.emit(asio::cancellation_type::terminal);
  Asking::run(loop);
  CHECK_FALSE(second.has_turn());
  Asking third(loop, turns, "a");
  CHECK_FALSE(third.got);
  first.end(loop);
  CHECK(third.has_turn());
}

TEST_CASE("while one family asks for comparison after comparison, another's events and subagents are made") {
  ApiFixture f;
  const std::string loud = f.add_agent(many("data:read:x", 1500));
  const std::string quiet = f.add_agent(policy_for("data:*"));
  const std::string below = subagent_of(many("data:read:x", 1499));
  Gate gate(f.pool);
  Pending hammered;
  for (int i = 0; i < 40; ++i) hammered.push_back(f.begin_post("/tokens/subagent", loud, below));
  f.poll();
  CHECK(answer_without_pool(f, "/events", quiet, kRead).status == 201);
  Pending fair{f.begin_post("/tokens/subagent", quiet, subagent_of(policy_for("data:read:*")))};
  f.poll();
  gate.open();
  f.wait_for(fair);
  CHECK((*fair[0])->status == 201);
  f.wait_for(hammered);
  std::map<int, int> statuses;
  for (const auto& answer : hammered) {
    ++statuses[(*answer)->status];
    if ((*answer)->status == 429) CHECK((*answer)->header("Retry-After") == "1");
  }
  CHECK(statuses == std::map<int, int>{{201, 2}, {429, 38}});
}

TEST_CASE("the subagents of an agent are of its family, and an operator is one of his own") {
  ApiFixture f;
  const std::string admin = f.add_operator({admin::Scope::admin});
  f.roles["default/r"] = policy_for("data:*");
  const std::string agent = f.add_agent(policy_for("data:*"));
  const std::string child = f.post("/tokens/subagent", agent, subagent_of(policy_for("data:*"))).text_of("token");
  Gate gate(f.pool);
  const std::string body = subagent_of(policy_for("data:read:*"));
  Pending answers{f.begin_post("/tokens/subagent", agent, body), f.begin_post("/tokens/subagent", child, body)};
  f.poll();
  CHECK(answer_without_pool(f, "/tokens/subagent", child, body).status == 429);
  const std::string made = R"({"name":"a","role":"r","policy":{"allowed_actions":["data:read:*"]}})";
  for (int i = 0; i < 2; ++i) answers.push_back(f.begin_post("/tokens/agent", admin, made));
  f.poll();
  CHECK(answer_without_pool(f, "/tokens/agent", admin, made).status == 429);
  gate.open();
  f.wait_for(answers);
  for (const auto& answer : answers) CHECK((*answer)->status == 201);
}

TEST_CASE("what is revoked or tightened while an event waits to be decided binds that event") {
  ApiFixture f;
  const std::string admin = f.add_operator({admin::Scope::admin});
  const std::string revoked = f.add_agent(many("data:read:x", 300));
  const std::string revoked_jti = f.last_jti;
  const std::string tightened = f.add_agent(many("data:read:x", 301));
  const std::string tightened_jti = f.last_jti;
  const std::string untouched = f.add_agent(many("data:read:x", 302));
  Gate gate(f.pool);
  Pending answers;
  for (const std::string& agent : {revoked, tightened, untouched}) {
    answers.push_back(f.begin_post("/events", agent, R"({"action":"data:read:x7"})"));
  }
  f.poll();
  CHECK(f.send("DELETE", "/tokens/" + revoked_jti, f.with(admin)).status == 200);
  const std::string path = "/tokens/" + tightened_jti + "/policy";
  CHECK(f.send("PUT", path, f.with(admin), R"({"policy":{"allowed_actions":[]}})").status == 200);
  gate.open();
  f.wait_for(answers);
  CHECK((*answers[0])->status == 401);
  CHECK((*answers[1])->status == 403);
  CHECK((*answers[2])->status == 201);
}

TEST_CASE("too many families that wait are 503, and no event is refused because of them") {
  ApiFixture f;
  const std::string body = subagent_of(policy_for("data:read:*"));
  std::vector<std::string> agents;
  for (int i = 0; i < 66; ++i) agents.push_back(f.add_agent(policy_for("data:*")));
  const std::string large = f.add_agent(many("data:read:x", 300));
  Gate gate(f.pool);
  Pending answers;
  for (int i = 0; i < 65; ++i) answers.push_back(f.begin_post("/tokens/subagent", agents[std::size_t(i)], body));
  f.poll();
  const Answer refused = answer_without_pool(f, "/tokens/subagent", agents.back(), body);
  CHECK(refused.status == 503);
  CHECK(refused.header("Retry-After") == "1");
  CHECK(answer_without_pool(f, "/events", agents.back(), kRead).status == 201);
  answers.push_back(f.begin_post("/events", large, R"({"action":"data:read:x7"})"));
  f.poll();
  CHECK_FALSE(*answers.back());
  gate.open();
  f.wait_for(answers);
  for (const auto& answer : answers) CHECK((*answer)->status == 201);
}

TEST_CASE("a large policy that several ask for is compiled once, and a family has a bounded number of them") {
  ApiFixture f;
  Policies policies(f.pool.get_executor());
  std::vector<std::optional<admin::CompiledPolicy>> got(20);
  std::vector<policy::PolicyDocument> documents;
  for (int i = 0; i < 20; ++i) documents.push_back(many("d" + std::to_string(i) + ":read:x", 100));
  const auto begin = [&](std::size_t at, const std::string& family, const policy::PolicyDocument& document) {
    asio::co_spawn(f.loop, policies.compiled(family, document),
                   [&got, at](const std::exception_ptr& error, admin::CompiledPolicy made) {
                     if (!error) got[at] = std::move(made);
                   });
    f.poll();
  };
  Gate gate(f.pool);
  for (std::size_t i = 0; i < 16; ++i) begin(i, "a", documents[i]);
  begin(16, "a", documents[16]);
  REQUIRE(got[16]);
  CHECK(got[16]->error().kind == ErrorKind::limit);
  // Of another family, or for one that is being compiled, nothing is refused.
  begin(17, "b", documents[16]);
  begin(18, "a", documents[3]);
  begin(19, "b", policy_for("data:*"));
  REQUIRE(got[19]);
  CHECK(got[19]->has_value());
  gate.open();
  f.loop.restart();
  while (!got[15] || !got[17] || !got[18]) REQUIRE(f.loop.run_one_for(std::chrono::seconds(30)) == 1);
  CHECK((*got[17])->get() != nullptr);
  CHECK((*got[18])->get() == (*got[3])->get());
}

TEST_CASE("only what is quickly compiled is compiled at once, on the loop") {
  ApiFixture f;
  Policies policies(f.pool.get_executor());
  int asked = 0;
  int answered = 0;
  const auto is_immediate = [&](const policy::PolicyDocument& document) {
    const int before = answered;
    ++asked;
    asio::co_spawn(f.loop, policies.compiled("a", document),
                   [&answered](const std::exception_ptr&, const admin::CompiledPolicy&) { ++answered; });
    f.poll();
    return answered > before;
  };
  const auto padded = [](std::size_t bytes) { return policy_for(std::string(bytes - 2, 'a') + "*"); };
  Gate gate(f.pool);
  CHECK(is_immediate({}));
  CHECK(is_immediate(many("a:b:", 63)));
  CHECK_FALSE(is_immediate(many("a:b:", 64)));
  CHECK(is_immediate(padded(512)));
  CHECK_FALSE(is_immediate(padded(513)));
  CHECK(is_immediate(policy_for("*a?b[cd]*e?f*g*h?i*")));
  CHECK_FALSE(is_immediate(policy_for("*a?b[cd]*e?f*g*h?i?j*")));
  gate.open();
  f.loop.restart();
  while (answered < asked) REQUIRE(f.loop.run_one_for(std::chrono::seconds(30)) == 1);
}
