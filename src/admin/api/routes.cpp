#include "admin/api/routes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "admin/api/handlers.h"

namespace usher::admin {
namespace {

constexpr Access kAdmin = Access::scope(Scope::admin);
constexpr Access kAgent = Access::agent();
constexpr Access kSocket = Access::socket();

constexpr std::array kRoutes{
    Route("GET", "/healthz", Access::anybody(), get_health),
    Route("GET", "/readyz", Access::anybody(), get_readiness),
    Route("POST", "/tokens/agent", kAdmin, post_agent),
    Route("POST", "/tokens/subagent", kAgent, post_subagent),
    Route("POST", "/tokens/operator", kSocket, post_operator),
    Route("GET", "/tokens", kAdmin, get_tokens),
    Route("GET", "/tokens/{token}", kAdmin | kAgent, get_token),
    Route("PUT", "/tokens/{token}/policy", kAdmin, put_policy),
    Route("DELETE", "/tokens/{token}", kAdmin | kAgent, delete_token),
    Route("POST", "/events", kAgent | Access::legacy_key(), post_event),
    Route("GET", "/events/{event}", Access::scope(Scope::read) | kAgent, get_event),
    Route("GET", "/conversations", Access::scope(Scope::read), get_conversations),
    Route("POST", "/backup", kSocket, post_backup),
    Route("GET", "/backup", kSocket, get_backup),
};

consteval bool is_sound(const Route& route) {
  constexpr std::array<std::string_view, 4> methods{"GET", "POST", "PUT", "DELETE"};
  return route.handler != nullptr && route.pattern.starts_with('/') &&
         std::ranges::find(methods, route.method) != methods.end();
}

// No second entry for one method of one path, no handler that two routes share, nothing open but the probes.
consteval bool is_complete() {
  for (std::size_t i = 0; i < kRoutes.size(); ++i) {
    const Route& route = kRoutes[i];
    if (!is_sound(route)) return false;
    const bool is_probe = route.pattern == "/healthz" || route.pattern == "/readyz";
    if (route.access.is_anybody() != is_probe) return false;
    for (std::size_t k = 0; k < i; ++k) {
      if (kRoutes[k].method == route.method && kRoutes[k].pattern == route.pattern) return false;
      if (kRoutes[k].handler == route.handler) return false;
    }
  }
  return true;
}
static_assert(is_complete());
static_assert(!std::is_default_constructible_v<Access> && !std::is_default_constructible_v<Route>);
static_assert(!std::is_constructible_v<Route, const char*, const char*, Handler>, "a route says who may use it");

bool is_id(std::string_view text, std::string_view prefix) {
  constexpr std::size_t digits = 16;
  return text.size() == prefix.size() + digits && text.starts_with(prefix) &&
         text.find_first_not_of("0123456789abcdef", prefix.size()) == text.npos;
}

// Takes the first segment off `path`, which begins with '/'.
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

bool matches(std::string_view pattern, std::string_view path, std::string& id) {
  while (pattern.starts_with('/') && path.starts_with('/')) {
    const std::string_view wanted = take_segment(pattern);
    const std::string_view given = take_segment(path);
    if (wanted == "{token}" || wanted == "{event}") {
      if (!is_id(given, wanted == "{token}" ? "tok_" : "evt_")) return false;
      id = given;
    } else if (wanted != given) {
      return false;
    }
  }
  return pattern.empty() && path.empty();
}

}  // namespace

bool Access::admits(const Caller& caller) const {
  if (is_anybody()) return true;
  if ((bits_ & kSocket) != 0 && caller.is_at_socket) return true;
  if (caller.legacy_key) return (bits_ & kLegacyKey) != 0;
  if (caller.is_agent()) return (bits_ & kAgent) != 0;
  if (!caller.is_operator()) return false;
  for (Scope each : {Scope::read, Scope::operate, Scope::approve, Scope::admin}) {
    const bool is_named = (bits_ & scope(each).bits_) != 0;
    if (is_named && caller.token().scopes.includes(each)) return true;
  }
  return false;
}

std::string Access::sentence() const {
  std::vector<std::string> who;
  for (Scope each : {Scope::read, Scope::operate, Scope::approve, Scope::admin}) {
    if ((bits_ & scope(each).bits_) != 0) who.push_back(fmt::format("the scope {}", to_string(each)));
  }
  if ((bits_ & kAgent) != 0) who.emplace_back("an agent's token");
  if ((bits_ & kLegacyKey) != 0) who.emplace_back("a legacy key");
  if ((bits_ & kSocket) != 0) who.emplace_back("usher's own socket on its machine");
  return fmt::format("this needs {}", fmt::join(who, " or "));
}

std::span<const Route> routes() { return kRoutes; }

FoundRoute find_route(std::string_view method, std::string_view path) {
  FoundRoute found;
  // The server leaves the body out.
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const Route& route : kRoutes) {
    std::string id;
    if (!matches(route.pattern, path, id)) continue;
    if (route.method == wanted) return {.route = &route, .id = std::move(id), .allow = {}};
    found.allow += found.allow.empty() ? "" : ", ";
    found.allow += route.method == "GET" ? "GET, HEAD" : route.method;
  }
  return found;
}

}  // namespace usher::admin
