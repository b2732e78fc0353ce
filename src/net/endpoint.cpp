#include <boost/asio/ip/address.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>

#include "net/http_client.h"

namespace usher::net {

namespace {

namespace urls = boost::urls;

std::unexpected<Error> refuse(std::string_view why) {
  return fail(ErrorKind::invalid, "not a usable http(s) address: " + std::string(why));
}

bool is_host_name(std::string_view name) {
  return !name.empty() && name.size() <= 253 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

Result<std::string> host_of(const urls::url_view& url) {
  const std::string host = to_lower(url.host_address());
  switch (url.host_type()) {
    case urls::host_type::ipv4:
      return host;
    case urls::host_type::ipv6: {
      boost::system::error_code error;
      asio::ip::make_address_v6(host, error);
      if (error) return refuse("malformed IPv6 address");
      return host;
    }
    case urls::host_type::name:
      if (is_host_name(host)) return host;
      return refuse("malformed host name");
    default:
      return refuse("no host");
  }
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view text) {
  const urls::result<urls::url_view> parsed = urls::parse_uri(urls::string_view(text.data(), text.size()));
  if (!parsed) return refuse("malformed URL");
  const urls::url_view& url = *parsed;
  Endpoint endpoint;
  if (url.scheme_id() == urls::scheme::https) {
    endpoint.is_tls = true;
  } else if (url.scheme_id() != urls::scheme::http) {
    return refuse("the scheme must be http or https");
  }
  if (url.has_userinfo()) return refuse("a user name or password is not allowed in it");
  if (url.has_query() || url.has_fragment()) return refuse("a query or fragment is not allowed in it");
  Result<std::string> host = host_of(url);
  if (!host) return fail(std::move(host.error()));
  endpoint.host = std::move(*host);
  endpoint.port = endpoint.is_tls ? 443 : 80;
  if (url.has_port() && !url.port().empty()) {
    endpoint.port = url.port_number();
    if (endpoint.port == 0) return refuse("the port must be 1 to 65535");
  }
  const auto path = url.encoded_path();
  // Boost.URL 1.81 takes what follows a port or an IPv6 address for a path: "http://h:12x".
  if (!path.empty() && !path.starts_with('/')) return refuse("malformed host or port");
  endpoint.base_path.assign(path.data(), path.size());
  while (endpoint.base_path.ends_with('/')) endpoint.base_path.pop_back();
  return endpoint;
}

}  // namespace usher::net
