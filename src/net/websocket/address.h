// A ws(s) address taken apart. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_client.h"

namespace usher::net {

struct WebSocketAddress {
  Endpoint endpoint;   // base_path is empty
  std::string target;  // path and query as they stood there: may hold a secret
};

// Refuses (invalid) other schemes, a user name or password, a fragment, and what is not visible ASCII. The message
// never quotes the address.
Result<WebSocketAddress> parse_websocket_address(std::string_view url);

}  // namespace usher::net
