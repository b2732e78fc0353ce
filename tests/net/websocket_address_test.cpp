#include "net/websocket/address.h"

#include <doctest/doctest.h>

namespace usher::net {

TEST_CASE("a ws(s) address keeps its path and query to the letter") {
  const WebSocketAddress gateway = parse_websocket_address("wss://Gateway.Discord.gg/?v=10&encoding=json").value();
  CHECK(gateway.endpoint.is_tls);
  CHECK(gateway.endpoint.host == "gateway.discord.gg");
  CHECK(gateway.endpoint.port == 443);
  CHECK(gateway.endpoint.base_path.empty());
  CHECK(gateway.target == "/?v=10&encoding=json");
  CHECK(parse_websocket_address("WS://[::1]:8080").value().endpoint.host == "::1");
  CHECK(parse_websocket_address("ws://h").value().endpoint.port == 80);
  CHECK(parse_websocket_address("ws://h").value().target == "/");
  CHECK(parse_websocket_address("ws://h?a=://b?c/d").value().target == "/?a=://b?c/d");
  CHECK(parse_websocket_address("ws://h/a//b/%20/").value().target == "/a//b/%20/");
}

TEST_CASE("what is not a ws(s) address is refused without being quoted") {
  for (const std::string url : {"",
                                "h",
                                "//h",
                                "http://h/",
                                "https://h/",
                                "wss:/h",
                                "wss://",
                                "wss:///hush",
                                "wss://?hush",
                                "ws://hush@h/",
                                "ws://u:hush@h/",
                                "ws://h/#hush",
                                "ws://h/hush hush",
                                "ws://h/hush\r\nX: y",
                                "ws://h/hush\n",
                                "ws://h:0/hush",
                                "ws://h:65536/hush",
                                "ws://h:x/hush",
                                "ws://h%00/hush",
                                "ws://h\xc3\xa4/hush",
                                " ws://h/hush",
                                "wss2://hush"}) {
    CAPTURE(url);
    const Result<WebSocketAddress> address = parse_websocket_address(url);
    REQUIRE_FALSE(address);
    CHECK(address.error().kind == ErrorKind::invalid);
    CHECK(address.error().message.find("hush") == std::string::npos);
  }
}

}  // namespace usher::net
