// One message's way to its answer: roles, rooms, memory, commands, limits, failures.
#include <sys/stat.h>

#include "gateway_fixture.h"
#include "tool/builtin.h"

using namespace usher;
using testing::FakeProvider;
using testing::GatewayFixture;

namespace {

std::string system_text(const GatewayFixture& f) { return f.model.requests.back().messages.front().text; }
std::string last_text(const GatewayFixture& f) { return f.model.requests.back().messages.back().text; }
mode_t mode_of(const std::filesystem::path& path) {
  struct stat info{};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return info.st_mode & 07777;
}

}  // namespace

TEST_CASE("the role decides the room and the tools that the model is offered") {
  GatewayFixture f;
  f.model.otherwise = FakeProvider::text("hello");
  CHECK(f.ask("42", "hi") == "hello");
  CHECK(system_text(f).find("You sell things.") != std::string::npos);
  CHECK(f.model.requests.back().tools == std::vector<std::string>{"product_search", "memory_recall"});
  f.ask("1", "hi");
  CHECK(system_text(f).find("You run the shop.") != std::string::npos);
  CHECK(f.model.requests.back().tools.size() == tool::builtin_specs().size());
}

TEST_CASE("a group's ceiling binds the owner there") {
  GatewayFixture f;
  channel::Incoming incoming = f.channel->message("1", "hi");
  incoming.chat = "-100";
  incoming.is_group = true;
  f.ask(incoming);
  CHECK(system_text(f).find("You sell things.") != std::string::npos);
  CHECK(f.channel->sent.back().reply_to == incoming.message_id);
}

TEST_CASE("a thread does not leave the ceiling of its channel behind, nor does one of which nobody knows") {
  GatewayFixture f;
  channel::Incoming incoming = f.channel->message("1", "hi");
  incoming.chat = "77";
  incoming.guild = "5";
  incoming.is_group = true;
  CHECK(f.ask(incoming).starts_with("I cannot find out"));
  CHECK(f.model.requests.empty());
  f.channel->parents["77"] = "-100";
  incoming.platform_id = "again";
  f.ask(incoming);
  CHECK(f.model.requests.back().messages.front().text.find("You sell things.") != std::string::npos);
  CHECK(f.ledger.records.back().role.find("buyer") != std::string::npos);
}

TEST_CASE("the system prompt is the same bytes in every turn; what changes stands in the user's turn") {
  GatewayFixture f;
  f.ask("42", "one");
  const std::string first = system_text(f);
  f.clock.advance(std::chrono::hours(5));
  f.ask("43", "two");
  CHECK(system_text(f) == first);
  CHECK(last_text(f).find("telegram:43") != std::string::npos);
}

TEST_CASE("what was said before is remembered for this sender and nobody else, at the hashed path") {
  GatewayFixture f;
  f.model.otherwise = FakeProvider::text("noted");
  f.ask("42", "my cat is called Mia");
  f.ask("43", "hello");
  CHECK(f.model.requests.back().messages.size() == 2);
  f.ask("42", "what is its name?");
  const auto& messages = f.model.requests.back().messages;
  REQUIRE(messages.size() == 4);
  CHECK(messages[1].text == "my cat is called Mia");
  CHECK(messages[2].text == "noted");
  const std::filesystem::path db = f.config->gateway.data_dir / "default" / "memory" / "shop" /
                                   (sender_digest({"default", "telegram", "42"}) + ".db");
  CHECK(mode_of(db) == 0600);
  CHECK(mode_of(db.parent_path()) == 0700);
}

TEST_CASE("/new forgets the conversation, however it is written") {
  for (const char* command : {"/new", "/New", "/NEW", "/New@ShopBot please"}) {
    CAPTURE(command);
    GatewayFixture f;
    f.ask("42", "one");
    CHECK(f.ask("42", command) == gateway::Texts().say("new"));
    f.ask("42", "two");
    CHECK(f.model.requests.back().messages.size() == 2);
  }
}

TEST_CASE("the model never reads the code of a /link, however the command is written") {
  GatewayFixture f;
  CHECK(f.ask("42", "/Link ABCDEFGHJK").starts_with("I know no such code"));
  CHECK(f.ask("42", "/HELP") == gateway::Texts().say("help"));
  CHECK(f.model.requests.empty());
}

TEST_CASE("a workspace without AGENTS.md fails the turn; it never borrows another prompt") {
  GatewayFixture f;
  std::filesystem::remove(f.dir / "rooms" / "shop" / "AGENTS.md");
  CHECK(f.ask("42", "hi") == gateway::Texts().say("unavailable"));
  CHECK(f.model.requests.empty());
}

TEST_CASE("a refused model call names the limit and the seconds left, and usher goes on afterwards") {
  GatewayFixture f;
  for (int i = 0; i < 3; ++i) f.ask("42", "hi");
  f.clock.advance(std::chrono::seconds(20));
  const std::string refusal = f.ask("42", "hi");
  CHECK(refusal.find("rate_limit_per_minute") != std::string::npos);
  CHECK(refusal.find("40 seconds") != std::string::npos);
  CHECK(f.model.requests.size() == 3);
  f.clock.advance(std::chrono::seconds(41));
  CHECK(f.ask("42", "hi") == "done");
}

TEST_CASE("a call that the window refuses costs nothing") {
  GatewayFixture f;
  for (int i = 0; i < 3; ++i) f.ask("42", "hi");
  const limits::BudgetScope scope{.tenant = "default", .role = "buyer", .sender = "telegram:42"};
  const MicroUsd before = f.budgets->spent_today(scope)->settled;
  f.ask("42", "hi");
  const auto after = f.budgets->spent_today(scope);
  CHECK(after->settled == before);
  CHECK(after->reserved == MicroUsd{0});
}

TEST_CASE("limits survive a restart") {
  GatewayFixture f;
  for (int i = 0; i < 3; ++i) f.ask("42", "hi");
  f.stop();
  f.start();
  CHECK(f.ask("42", "hi").find("rate_limit_per_minute") != std::string::npos);
}

TEST_CASE("a tool that was not offered is not run when the model calls it anyway") {
  GatewayFixture f;
  f.model.then(
      FakeProvider::calls({{.id = "1", .name = "file_write", .arguments = R"({"path":"files/x","content":"y"})"}}));
  f.model.then(FakeProvider::text("sorry"));
  CHECK(f.ask("42", "write") == "sorry");
  CHECK(last_text(f).find("not available") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(f.config->gateway.data_dir / "default" / "files"));
}

TEST_CASE("whatever the provider does, the person gets a sentence without internals") {
  GatewayFixture f;
  for (ErrorKind kind : {ErrorKind::protocol, ErrorKind::unavailable, ErrorKind::busy, ErrorKind::timeout,
                         ErrorKind::invalid, ErrorKind::internal, ErrorKind::io}) {
    f.model.then(fail(kind, "secret detail at 10.0.0.1"));
    const std::string said = f.ask("1", "hi");
    CHECK(said.find("10.0.0.1") == std::string::npos);
    CHECK(said.size() > 20);
  }
  f.model.then([](const provider::TextSink&) -> Task<Result<provider::Completion>> {
    throw std::runtime_error("secret detail at 10.0.0.1");
    co_return FakeProvider::text("");
  });
  CHECK(f.ask("1", "hi") == gateway::Texts().say("unavailable"));
}

TEST_CASE("/stop ends the answer that is being worked on, at once") {
  GatewayFixture f;
  bool is_asked = false;
  f.model.then([&](const provider::TextSink&) -> Task<Result<provider::Completion>> {
    is_asked = true;
    const bool has_waited = co_await sleep_for(std::chrono::hours(1));
    if (!has_waited) co_return fail(ErrorKind::cancelled, "given up");
    co_return FakeProvider::text("late");
  });
  REQUIRE(f.deliver({f.channel->message("1", "work")}));
  while (!is_asked) f.run_some();
  REQUIRE(f.deliver({f.channel->message("1", "/Stop")}));
  f.wait_for_sent(1);
  CHECK(f.channel->sent[0].text == "Stopped.");
  CHECK(f.ask("1", "/stop") == gateway::Texts().say("nothing_to_stop"));
}

TEST_CASE("an answer is not shown growing before an older one has gone, and then from its beginning") {
  GatewayFixture f;
  f.channel->outcomes.push_back(fail(ErrorKind::unavailable, "the network is down"));
  f.model.then(FakeProvider::text("first"));
  f.model.then([&](const provider::TextSink& sink) -> Task<Result<provider::Completion>> {
    sink("this ");
    CHECK(f.channel->shown == "first");
    while (f.channel->sent.empty()) co_await sleep_for(std::chrono::milliseconds(5));
    sink("grows ");
    CHECK(f.channel->shown == "firstthis grows ");
    co_return FakeProvider::text("this grows ");
  });
  REQUIRE(f.deliver({f.channel->message("1", "one"), f.channel->message("1", "two")}));
  f.wait_for_sent(2);
  CHECK(f.channel->sent_when_shown == 1);
}

TEST_CASE("a /stop that came too late is answered before what was written behind it") {
  GatewayFixture f;
  REQUIRE(f.deliver(
      {f.channel->message("1", "/whoami"), f.channel->message("1", "/stop"), f.channel->message("1", "/help")}));
  f.wait_for_sent(3);
  CHECK(f.channel->sent[0].text.starts_with("You are"));
  CHECK(f.channel->sent[1].text == gateway::Texts().say("nothing_to_stop"));
  CHECK(f.channel->sent[2].text == gateway::Texts().say("help"));
}

TEST_CASE("every sentence of usher's own can be reworded by the workspace") {
  GatewayFixture f;
  std::ofstream(f.dir / "rooms" / "office" / "messages.toml") << "nothing_to_stop = 'idle'\nstopped = 'halt'\n"
                                                              << "unavailable = 'ask Bob'\n";
  CHECK(f.ask("1", "/stop") == "idle");
  CHECK(f.ask("42", "/stop") == gateway::Texts().say("nothing_to_stop"));

  bool is_asked = false;
  f.model.then([&](const provider::TextSink&) -> Task<Result<provider::Completion>> {
    is_asked = true;
    co_await sleep_for(std::chrono::hours(1));
    throw std::runtime_error("unwinds");
    co_return FakeProvider::text("");
  });
  REQUIRE(f.deliver({f.channel->message("1", "work")}));
  while (!is_asked) f.run_some();
  CHECK(f.ask("1", "/stop") == "halt");

  std::filesystem::remove(f.dir / "rooms" / "office" / "AGENTS.md");
  f.clock.advance(std::chrono::seconds(2));
  CHECK(f.ask("1", "hi") == "ask Bob");
}

TEST_CASE("a stranger hears that they are turned away, whatever they write, in the words of workspaces_dir") {
  std::string config = testing::kShopConfig;
  config.replace(config.find("default_role = \"buyer\""), 22, "default_role = \"deny\" ");
  GatewayFixture f(config);
  CHECK(f.ask("42", "/stop") == gateway::Texts().say("turned_away", {{"sender", "telegram:42"}}));
  std::ofstream(f.dir / "rooms" / "messages.toml") << "turned_away = 'Members only, {sender}.'\n";
  CHECK(f.ask("42", "hi") == "Members only, telegram:42.");
  CHECK(f.ask("42", "/whoami") == "Members only, telegram:42.");
  CHECK(f.model.requests.empty());
}

TEST_CASE("a /stop that comes while the answer is being sent is answered too") {
  GatewayFixture f;
  f.channel->outcomes.push_back(fail(ErrorKind::unavailable, "try again"));
  REQUIRE(f.deliver({f.channel->message("1", "work")}));
  while (f.channel->attempts == 0) f.run_some();
  REQUIRE(f.deliver({f.channel->message("1", "/stop")}));
  f.wait_for_sent(2);
  CHECK(f.channel->sent[0].text == "done");
  CHECK(f.channel->sent[1].text == gateway::Texts().say("nothing_to_stop"));
}

TEST_CASE("an empty AGENTS.md or a workspace that is gone fails the turn, again and again") {
  GatewayFixture f;
  CHECK(f.ask("42", "hi") == "done");
  std::ofstream(f.dir / "rooms" / "shop" / "AGENTS.md") << " \n";
  f.clock.advance(std::chrono::seconds(2));
  CHECK(f.ask("42", "hi") == gateway::Texts().say("unavailable"));
  std::filesystem::remove_all(f.dir / "rooms" / "office");
  CHECK(f.ask("1", "hi") == gateway::Texts().say("unavailable"));
  CHECK(f.ask("1", "hi") == gateway::Texts().say("unavailable"));
  CHECK(f.model.requests.size() == 1);
}

TEST_CASE("an AGENTS.md that is too large fails the turn without telling the person about files") {
  GatewayFixture f;
  std::filesystem::resize_file(f.dir / "rooms" / "shop" / "AGENTS.md", 1u << 30);
  CHECK(f.ask("42", "hi") == gateway::Texts().say("unavailable"));
  CHECK(f.model.requests.empty());
}

TEST_CASE("a picture is fetched into the sender's own files and given to the model") {
  GatewayFixture f;
  const std::string png = "\x89PNG\r\n\x1a\nrest";
  f.channel->files["file-1"] = png;
  channel::Incoming incoming = f.channel->message("1", "what is this?");
  incoming.attachments.push_back(
      {.kind = channel::Attachment::Kind::image, .platform_id = "file-1", .name = "../../x"});
  f.ask(incoming);
  REQUIRE(f.model.requests.back().messages.back().images.size() == 1);
  CHECK(f.model.requests.back().messages.back().images[0].media_type == "image/png");
  CHECK(f.model.requests.back().messages.back().images[0].bytes == png);
  const std::filesystem::path inbox = f.config->gateway.data_dir / "default" / "files" / "office" /
                                      sender_digest({"default", "telegram", "1"}) / "inbox";
  CHECK(std::distance(std::filesystem::directory_iterator(inbox), {}) == 1);
  CHECK(mode_of(inbox.parent_path()) == 0700);
}

TEST_CASE("a file that only claims to be a picture is refused with a sentence") {
  GatewayFixture f;
  f.channel->files["file-1"] = "<html>";
  channel::Incoming incoming = f.channel->message("1", "look");
  incoming.attachments.push_back(
      {.kind = channel::Attachment::Kind::image, .platform_id = "file-1", .media_type = "image/png"});
  CHECK(f.ask(incoming) == gateway::Texts().say("image_failed"));
  CHECK(f.model.requests.empty());
}

TEST_CASE("nobody is answered where the platform vouches for no sender") {
  GatewayFixture f;
  channel::Incoming incoming = f.channel->message("", "hi");
  REQUIRE(f.deliver({incoming}));
  CHECK(f.ask("42", "hi") == "done");
  CHECK(f.channel->sent.size() == 1);
}

TEST_CASE("/usage and /whoami say what is left and who one is") {
  GatewayFixture f;
  f.ask("42", "hi");
  const std::string usage = f.ask("42", "/usage");
  CHECK(usage.find("1 of 3") != std::string::npos);
  const std::string who = f.ask("42", "/whoami");
  CHECK(who.find("telegram:42") != std::string::npos);
  CHECK(who.find("buyer") != std::string::npos);
}
