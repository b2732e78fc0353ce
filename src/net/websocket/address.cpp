#include "net/websocket/address.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace usher::net {

namespace {

std::unexpected<Error> refuse(std::string_view why) {
  return fail(ErrorKind::invalid, "not a usable ws(s) address: " + std::string(why));
}

bool is_visible(char c) { return c > 0x20 && c < 0x7f; }

}  // namespace

Result<WebSocketAddress> parse_websocket_address(std::string_view url) {
  const std::size_t separator = url.find("://");
  if (separator == std::string_view::npos) return refuse("no scheme");
  const std::string scheme = lower_ascii(url.substr(0, separator));
  if (scheme != "ws" && scheme != "wss") return refuse("the scheme must be ws or wss");
  const std::string_view rest = url.substr(separator + 3);
  if (!std::ranges::all_of(rest, is_visible)) return refuse("a character that must be escaped");
  if (rest.find('#') != std::string_view::npos) return refuse("a fragment is not allowed in it");
  const std::size_t end_of_authority = std::min(rest.find_first_of("/?"), rest.size());
  // Who the server is follows the same rules as for HTTP; the path and query are sent as they are.
  Result<Endpoint> endpoint =
      parse_endpoint((scheme == "ws" ? "http://" : "https://") + std::string(rest.substr(0, end_of_authority)));
  if (!endpoint) return fail(std::move(endpoint.error()));
  std::string target(rest.substr(end_of_authority));
  if (!target.starts_with('/')) target.insert(0, "/");
  return WebSocketAddress{std::move(*endpoint), std::move(target)};
}

}  // namespace usher::net
