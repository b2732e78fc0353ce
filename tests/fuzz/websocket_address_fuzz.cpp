// links: base net
// Text as a WebSocket's address: what is accepted names a host and port, and its target can stand in a request line.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/http1/request_head.h"
#include "net/websocket/address.h"

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view url(reinterpret_cast<const char*>(data), size);
  const auto address = usher::net::parse_websocket_address(url);
  if (!address) return 0;
  must(!address->endpoint.host.empty() && address->endpoint.port != 0 && address->endpoint.base_path.empty());
  must(address->target.starts_with('/') && address->target.find('#') == std::string::npos);
  must(url.ends_with(std::string_view(address->target).substr(1)));
  usher::net::HttpRequest request;
  request.endpoint = &address->endpoint;
  request.method = "GET";
  request.target = address->target;
  must(usher::net::check_request(request).has_value());
  std::string host;
  usher::net::append_host(host, address->endpoint);
  must(std::ranges::all_of(host, [](char c) { return c > 0x20 && c < 0x7f; }));
  return 0;
}
