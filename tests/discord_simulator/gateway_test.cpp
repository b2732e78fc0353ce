// What discord.js cannot be made to do: break the gateway's rules, and see each fault as it leaves.
#include "support/discord/gateway/gateway.h"

#include <doctest/doctest.h>
#include <zlib.h>

using namespace usher;
using namespace usher::testing;

namespace {

struct FakePeer : WebSocketServer::Peer {
  explicit FakePeer(std::string target) : target_(std::move(target)) {}
  int number() const override { return 1; }
  const std::string& target() const override { return target_; }
  const std::map<std::string, std::string>& headers() const override { return headers_; }
  bool is_open() const override { return true; }
  void send_text(std::string) override {}
  void send_binary(std::string) override {}
  void close(std::uint16_t, std::string) override {}
  void cut() override {}
  void freeze() override {}

  std::string target_;
  std::map<std::string, std::string> headers_;
};

constexpr std::int64_t kGuilds = 1, kGuildMessages = 1 << 9, kDirectMessages = 1 << 12, kContent = 1 << 15;
constexpr std::int64_t kUsual = kGuilds | kGuildMessages | kDirectMessages | kContent;
constexpr const char* kTarget = "/?v=10&encoding=json";

struct Fixture {
  explicit Fixture(DiscordSimulatorOptions o = {}) : options(std::move(o)) {
    world.add_channel({.id = options.channel, .guild = options.guild});
  }

  std::shared_ptr<FakePeer> open(const std::string& target = kTarget) {
    auto peer = std::make_shared<FakePeer>(target);
    gateway.opened(peer, false);
    return peer;
  }
  std::string identify(std::int64_t intents = kUsual, const json::array& shard = {0, 1}) const {
    return json::serialize(json::object{
        {"op", 2},
        {"d", json::object{
                  {"token", options.token}, {"properties", json::object{}}, {"intents", intents}, {"shard", shard}}}});
  }
  std::string resume(const std::string& session, std::int64_t seq) const {
    return json::serialize(
        json::object{{"op", 6}, {"d", json::object{{"token", options.token}, {"session_id", session}, {"seq", seq}}}});
  }
  std::shared_ptr<FakePeer> log_in(std::int64_t intents = kUsual, const json::array& shard = {0, 1}) {
    auto peer = open();
    gateway.received(peer, identify(intents, shard));
    return peer;
  }
  void write(const std::string& content, const std::string& guild) {
    gateway.dispatch("MESSAGE_CREATE",
                     json::object{{"content", content}, {"author", json::object{{"id", "7"}}}, {"guild_id", guild}},
                     guild);
  }
  // The code of the last close, 0 when nothing was closed.
  int close_code() {
    int code = 0;
    for (const DiscordGateway::Step& step : gateway.take_steps()) {
      if (step.kind == DiscordGateway::Step::Kind::close) code = step.code;
    }
    return code;
  }
  GatewayConnection last() const { return gateway.seen().back(); }
  // The dispatches that left since the last call.
  std::vector<json::object> dispatches() {
    std::vector<json::object> out;
    for (const DiscordGateway::Step& step : gateway.take_steps()) {
      const Result<json::value> frame = parse_json(step.bytes);
      if (frame && integer_at(&*frame, "op") == 0) out.push_back(frame->as_object());
    }
    return out;
  }

  DiscordSimulatorOptions options;
  DiscordWorld world{options.bot, options.application};
  DiscordGateway gateway{world, options};
};

std::vector<std::string> names(const std::vector<json::object>& frames) {
  std::vector<std::string> out;
  for (const json::object& frame : frames) out.push_back(std::string(frame.at("t").as_string()));
  return out;
}

// As a client does: one context, fed in whatever pieces came.
std::string inflated(const std::string& bytes) {
  z_stream stream{};
  REQUIRE(inflateInit(&stream) == Z_OK);
  std::string input = bytes, out(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = inflate(&stream, Z_SYNC_FLUSH);
  out.resize(out.size() - stream.avail_out);
  inflateEnd(&stream);
  return result == Z_OK ? out : "";
}

}  // namespace

TEST_CASE("whoever breaks the gateway's rules is closed with the code of that rule") {
  const auto closed_with = [](const std::string& target, const std::vector<std::string>& frames) {
    Fixture f;
    auto peer = f.open(target);
    for (const std::string& frame : frames) f.gateway.received(peer, frame == "identify" ? f.identify() : frame);
    return f.close_code();
  };
  CHECK(closed_with(kTarget, {"identify"}) == 0);
  CHECK(closed_with("/?encoding=json", {}) == 4012);
  CHECK(closed_with("/?v=9&encoding=json", {}) == 4012);
  CHECK(closed_with("/?v=10&encoding=etf", {}) == 4002);
  CHECK(closed_with(kTarget, {"{\"op\":"}) == 4002);
  CHECK(closed_with(kTarget, {"{\"op\":99}"}) == 4001);
  CHECK(closed_with(kTarget, {"{\"op\":3,\"d\":{}}"}) == 4003);
  CHECK(closed_with(kTarget, {"identify", "identify"}) == 4005);
  CHECK(closed_with(kTarget, {"identify", "{\"op\":1,\"d\":\"" + std::string(4096, 'x') + "\"}"}) == 4002);
  CHECK(closed_with(kTarget, {R"({"op":2,"d":{"token":"no","properties":{},"intents":1}})"}) == 4004);
  CHECK(closed_with(kTarget, std::vector<std::string>(120, "{\"op\":1,\"d\":null}")) == 0);
  CHECK(closed_with(kTarget, std::vector<std::string>(121, "{\"op\":1,\"d\":null}")) == 4008);
}

TEST_CASE("intents and shards that cannot be are refused, and so is a second identify within the window") {
  DiscordSimulatorOptions options;
  options.refused_intents = kContent;
  const auto closed_with = [&](std::int64_t intents, const json::array& shard) {
    Fixture f(options);
    f.log_in(intents, shard);
    return f.close_code();
  };
  CHECK(closed_with(kGuilds, {0, 1}) == 0);
  CHECK(closed_with(kUsual, {0, 1}) == 4014);
  CHECK(closed_with(1 << 30, {0, 1}) == 4013);
  CHECK(closed_with(kGuilds, {1, 1}) == 4010);

  Fixture f;
  f.log_in();
  f.log_in();
  CHECK(f.last().sent == std::vector<std::string>{"HELLO", "op 9"});
  CHECK(f.gateway.gateway_bot().at("session_start_limit").at("remaining") == 998);
}

TEST_CASE("a guild's events go to its shard, direct messages to shard 0, both as the intents allow") {
  DiscordSimulatorOptions options;
  options.max_concurrency = 2;
  options.guild = std::to_string(std::uint64_t{5} << 22);  // odd: shard 1 of 2
  Fixture f(options);
  f.log_in(kUsual, {0, 2});
  f.log_in(kGuilds | kGuildMessages, {1, 2});
  f.gateway.take_steps();
  f.write("secret", options.guild);
  const std::vector<json::object> guild_message = f.dispatches();
  REQUIRE(guild_message.size() == 1);
  CHECK(guild_message[0].at("d").at("content") == "");  // no MESSAGE_CONTENT
  CHECK(f.last().sent.back() == "MESSAGE_CREATE");
  f.write("psst", "");
  const std::vector<json::object> direct = f.dispatches();
  REQUIRE(direct.size() == 1);
  CHECK(direct[0].at("d").at("content") == "psst");
  CHECK(f.gateway.seen().front().sent.back() == "MESSAGE_CREATE");
}

TEST_CASE("a resume replays in order what was missed, and what was not when told to repeat") {
  Fixture f;
  f.log_in();
  const std::string session = f.last().session;
  f.write("one", f.options.guild);
  f.gateway.cut_all();
  f.write("two", f.options.guild);
  f.write("three", f.options.guild);
  f.gateway.take_steps();

  f.gateway.received(f.open(), f.resume(session, 3));  // READY, GUILD_CREATE, "one"
  const std::vector<json::object> replayed = f.dispatches();
  CHECK(names(replayed) == std::vector<std::string>{"MESSAGE_CREATE", "MESSAGE_CREATE", "RESUMED"});
  CHECK(replayed[0].at("d").at("content") == "two");
  CHECK(replayed[0].at("s") == 4);

  f.gateway.cut_all();
  f.gateway.script({.repeats = 2});
  f.gateway.take_steps();
  f.gateway.received(f.open(), f.resume(session, 5));
  CHECK(names(f.dispatches()) == std::vector<std::string>{"MESSAGE_CREATE", "MESSAGE_CREATE", "RESUMED"});

  f.gateway.cut_all();
  f.gateway.received(f.open(), f.resume(session, 999));
  CHECK(f.close_code() == 4007);
  f.gateway.received(f.open(), f.resume(session, 3));
  CHECK(f.last().sent.back() == "op 9");  // 4007 has ended it
}

TEST_CASE("closing with 1000 or 1001 ends the session, any other way of going keeps it") {
  for (const std::optional<std::uint16_t> code : std::vector<std::optional<std::uint16_t>>{1000, 1001, 4000, {}}) {
    Fixture f;
    auto peer = f.log_in();
    const std::string session = f.last().session;
    f.gateway.closed(peer, code);
    f.gateway.received(f.open(), f.resume(session, 2));
    CHECK(f.last().sent.back() == (code == 1000 || code == 1001 ? "op 9" : "RESUMED"));
  }
}

TEST_CASE("zlib-stream is one stream whose frames end in a flush, in pieces or cut anywhere when told to") {
  const auto payload = [](const ConnectionScript& script) {
    Fixture f;
    f.gateway.script(script);
    auto peer = f.open(std::string(kTarget) + "&compress=zlib-stream");
    f.gateway.received(peer, f.identify());
    std::vector<std::string> pieces;
    for (const DiscordGateway::Step& step : f.gateway.take_steps()) {
      if (step.kind == DiscordGateway::Step::Kind::binary) pieces.push_back(step.bytes);
    }
    return pieces;
  };
  std::string whole;
  for (const std::string& frame : payload({})) {
    CHECK(frame.ends_with(std::string("\x00\x00\xff\xff", 4)));
    whole += frame;
  }
  CHECK(inflated(whole).find("READY") != std::string::npos);
  std::size_t pieces = 0;
  for (const std::string& piece : payload({.piece_bytes = 7})) {
    CHECK(piece.size() <= 7);
    ++pieces;
  }
  CHECK(pieces > 10);
  for (std::size_t cut = 0; cut < 200; ++cut) {
    std::size_t sent = 0;
    for (const std::string& piece : payload({.cut_after_bytes = cut})) sent += piece.size();
    CHECK(sent == cut);
  }
  std::string corrupt;
  for (const std::string& frame : payload({.corrupt_byte = 20})) corrupt += frame;
  CHECK(corrupt[20] != whole[20]);
}
