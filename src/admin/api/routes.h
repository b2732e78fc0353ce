// The one table of routes: what there is, who may use it, what answers. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "admin/api/call.h"
#include "base/async.h"
#include "net/http_server.h"

namespace usher::admin {

// Who may use a route; any of several. It cannot be made without naming somebody, nor a Route without it.
class Access {
 public:
  static constexpr Access anybody() { return Access(kAnybody); }
  static constexpr Access scope(Scope scope) { return Access(static_cast<unsigned>(scope) << kScopeShift); }
  static constexpr Access agent() { return Access(kAgent); }
  static constexpr Access legacy_key() { return Access(kLegacyKey); }
  // No token is enough: whoever owns the machine's files.
  static constexpr Access socket() { return Access(kSocket); }
  constexpr Access operator|(Access other) const { return Access(bits_ | other.bits_); }

  constexpr bool is_anybody() const { return (bits_ & kAnybody) != 0; }
  bool admits(const Caller& caller) const;
  // "this needs the scope admin or an agent's token"
  std::string sentence() const;

 private:
  static constexpr unsigned kAnybody = 1, kAgent = 2, kLegacyKey = 4, kSocket = 8, kScopeShift = 4;
  explicit constexpr Access(unsigned bits) : bits_(bits) {}
  unsigned bits_;
};

using Handler = Task<net::ServerResponse> (*)(Context& context, Call call);

struct Route {
  consteval Route(std::string_view route_method, std::string_view route_pattern, Access route_access,
                  Handler route_handler)
      : method(route_method), pattern(route_pattern), access(route_access), handler(route_handler) {}

  constexpr bool has_body() const { return method == "POST" || method == "PUT"; }

  std::string_view method;
  std::string_view pattern;  // "/tokens/{token}": {token} is a well-formed jti, {event} a well-formed event id
  Access access;
  Handler handler;
};

std::span<const Route> routes();

struct FoundRoute {
  const Route* route = nullptr;
  std::string id;     // what {…} stands for
  std::string allow;  // without a route: the methods that the path has ("GET, DELETE"), "" for an unknown path
};

// `path` is compared byte by byte: nothing is decoded, so that no path has a second spelling.
FoundRoute find_route(std::string_view method, std::string_view path);

}  // namespace usher::admin
