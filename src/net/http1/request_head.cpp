#include "net/http1/request_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "net/http1/field_text.h"

namespace usher::net {

namespace {

constexpr std::array<std::string_view, 8> own_headers = {
    "host", "content-length", "transfer-encoding", "connection", "user-agent", "content-type", "upgrade", "expect"};

// Visible ASCII only: a space or a line break would end the target.
bool is_target(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

bool is_own_header(std::string_view name) {
  return std::ranges::any_of(own_headers, [name](std::string_view own) { return equals_ignoring_case(name, own); });
}

}  // namespace

Result<void> check_request(const HttpRequest& request) {
  if (!request.endpoint) return fail(ErrorKind::invalid, "request without an endpoint");
  if (!is_token(request.method)) return fail(ErrorKind::invalid, "request with a malformed method");
  if (!is_target(request.target) || !is_target(request.endpoint->base_path)) {
    return fail(ErrorKind::invalid, "request target with a forbidden character");
  }
  if (request.endpoint->base_path.empty() && !request.target.starts_with('/')) {
    return fail(ErrorKind::invalid, "request target that does not begin with '/'");
  }
  if (!is_field_value(request.content_type)) return fail(ErrorKind::invalid, "content type with a forbidden character");
  if (!is_field_value(request.user_agent)) return fail(ErrorKind::invalid, "user agent with a forbidden character");
  for (const Header& header : request.headers) {
    if (!is_token(header.name)) return fail(ErrorKind::invalid, "request header with a malformed name");
    if (is_own_header(header.name)) {
      return fail(ErrorKind::invalid, fmt::format("request header {} is set by the client only", header.name));
    }
    if (!is_field_value(header.value)) {
      return fail(ErrorKind::invalid, fmt::format("request header {} with a forbidden character", header.name));
    }
  }
  return {};
}

void append_head(std::string& out, const HttpRequest& request, std::string_view user_agent) {
  const Endpoint& endpoint = *request.endpoint;
  out.append(request.method).append(" ").append(endpoint.base_path).append(request.target);
  out.append(" HTTP/1.1\r\nHost: ");
  append_host(out, endpoint);
  out.append("\r\nUser-Agent: ").append(request.user_agent.empty() ? user_agent : request.user_agent);
  out.append("\r\nAccept: */*\r\n");
  if (!request.body.empty() || request.method != "GET") {
    if (!request.content_type.empty() && !request.body.empty()) {
      out.append("Content-Type: ").append(request.content_type).append("\r\n");
    }
    fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", request.body.size());
  }
  for (const Header& header : request.headers) {
    out.append(header.name).append(": ").append(header.value).append("\r\n");
  }
  out += "\r\n";
}

void append_host(std::string& out, const Endpoint& endpoint) {
  const bool is_ipv6 = endpoint.host.find(':') != std::string::npos;
  if (is_ipv6) out += '[';
  out += endpoint.host;
  if (is_ipv6) out += ']';
  if (endpoint.port != (endpoint.is_tls ? 443 : 80)) fmt::format_to(std::back_inserter(out), ":{}", endpoint.port);
}

std::string name_of(const Endpoint& endpoint) {
  if (!endpoint.socket_file.empty()) return endpoint.socket_file;
  const bool is_ipv6 = endpoint.host.find(':') != std::string::npos;
  return is_ipv6 ? fmt::format("[{}]:{}", endpoint.host, endpoint.port)
                 : fmt::format("{}:{}", endpoint.host, endpoint.port);
}

}  // namespace usher::net
