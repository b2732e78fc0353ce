// The simulator over real sockets with usher's own WebSocket client: TLS, two addresses, and faults that only a socket
// can show.
#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <fstream>

#include "net/websocket.h"
#include "support/discord/discord_simulator.h"
#include "support/run_task.h"
#include "support/temp_dir.h"

using namespace usher;
using namespace usher::testing;

namespace {

constexpr std::chrono::seconds kPatience{5};
const std::string kQuery = "/?v=10&encoding=json";

// Reads until a message holds `wanted`; the error when there comes none.
Task<Result<std::string>> read_until(net::WebSocket& socket, std::string wanted, Deadline deadline) {
  for (;;) {
    Result<net::WebSocketMessage> message = co_await socket.receive(deadline);
    if (!message) co_return fail(message.error());
    if (message->data.find(wanted) != std::string::npos) co_return std::move(message->data);
  }
}

struct Client {
  explicit Client(net::WebSocketOptions options = {})
      : connector(net::make_websocket_connector(loop.get_executor(), std::move(options))) {}

  Result<void> open(const std::string& url) {
    auto opened = run_task(loop, connector->connect(url + kQuery, {}, Deadline::in(kPatience)));
    if (!opened) return fail(opened.error());
    socket = std::move(*opened);
    return {};
  }
  Result<void> send(int op, const json::object& data) {
    std::string frame = json::serialize(json::object{{"op", op}, {"d", data}});
    return run_task(loop, socket->send_text(std::move(frame), Deadline::in(kPatience)));
  }
  Result<std::string> read(const std::string& wanted, std::chrono::milliseconds patience = kPatience) {
    return run_task(loop, read_until(*socket, wanted, Deadline::in(patience)));
  }
  std::string log_in(const DiscordSimulator& discord) {
    REQUIRE(open(discord.gateway_url()).has_value());
    REQUIRE(
        send(2, {{"token", discord.options().token}, {"properties", json::object{}}, {"intents", 513}}).has_value());
    const Result<std::string> ready = read("\"READY\"");
    REQUIRE(ready.has_value());
    return *ready;
  }

  asio::io_context loop{1};
  std::unique_ptr<net::WebSocketConnector> connector;
  std::unique_ptr<net::WebSocket> socket;
};

}  // namespace

TEST_CASE("with a certificate the gateway speaks TLS") {
  const TempDir folder;
  DiscordSimulatorOptions options;
  options.certificate = make_test_certificate("127.0.0.1", 2);
  SimulatorThread simulators;
  const DiscordSimulator discord(simulators.executor(), options);
  CHECK(discord.api_root().starts_with("https://"));
  CHECK(discord.gateway_url().starts_with("wss://"));
  const std::string ca_file = (folder / "ca.pem").string();
  std::ofstream(ca_file) << options.certificate->ca_pem;
  Client client({.extra_ca_file = ca_file});
  CHECK(client.log_in(discord).find("\"resume_gateway_url\":\"wss://") != std::string::npos);
}

TEST_CASE("resuming has an address of its own, which can die alone") {
  SimulatorThread simulators;
  DiscordSimulator discord(simulators.executor());
  Client client;
  const Result<json::value> ready = parse_json(client.log_in(discord));
  const std::string resume_url(ready->at("d").at("resume_gateway_url").as_string());
  const std::string session(ready->at("d").at("session_id").as_string());
  CHECK(resume_url != discord.gateway_url());

  discord.cut_connections();
  CHECK_FALSE(client.read("never").has_value());
  discord.refuse_resume_url(true);
  CHECK_FALSE(client.open(resume_url).has_value());
  discord.refuse_resume_url(false);
  REQUIRE(client.open(resume_url).has_value());
  REQUIRE(client.send(6, {{"token", discord.options().token}, {"session_id", session}, {"seq", 1}}).has_value());
  CHECK(client.read("\"RESUMED\"").has_value());
  CHECK(discord.resumes() == 1);
  CHECK(discord.connections().back().is_at_resume_url);
}

TEST_CASE("a frozen connection stays open and says nothing; a refused one is a 503") {
  SimulatorThread simulators;
  DiscordSimulator discord(simulators.executor());
  Client client;
  client.log_in(discord);
  REQUIRE(client.read("GUILD_CREATE").has_value());
  discord.freeze_connections();
  discord.guild_message("7", "hello?");
  const Result<std::string> silence = client.read("MESSAGE_CREATE", std::chrono::milliseconds(200));
  REQUIRE_FALSE(silence.has_value());
  CHECK(silence.error().kind == ErrorKind::timeout);

  discord.next_connection({.is_refused = true});
  const Result<void> refused = client.open(discord.gateway_url());
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message.find("503") != std::string::npos);
}

TEST_CASE("a connection closed with a code says that code") {
  SimulatorThread simulators;
  DiscordSimulator discord(simulators.executor());
  Client client;
  client.log_in(discord);
  discord.close_connections(4014);
  CHECK_FALSE(client.read("never").has_value());
  REQUIRE(client.socket->closed_by_peer().has_value());
  CHECK(client.socket->closed_by_peer()->code == 4014);
}
