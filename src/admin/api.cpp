#include "admin/api.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "admin/api/body.h"
#include "admin/api/call.h"
#include "admin/api/credentials.h"
#include "admin/api/routes.h"
#include "base/text.h"

namespace usher::admin {

Context::Context(ApiServices given_services, ApiOptions given_options)
    : services(std::move(given_services)),
      options(std::move(given_options)),
      clock(services.clock),
      policies(services.pool),
      event_rate(services.clock) {
  for (const LegacyKey& each : options.legacy_keys) legacy_digests.push_back(sha256(each.key.expose()));
}

namespace {

// Never the target: what follows the '?' may hold what does not belong there.
void log_refusal(const Refusal& refused, std::string_view route, std::string_view peer) {
  spdlog::info("api: {} {} from {}: {}", refused.answer.status, route, printable(peer, 64), refused.why);
}

std::string name_of(const Route& route) { return fmt::format("{} {}", route.method, route.pattern); }

// "application/json", with or without parameters.
bool is_json(std::optional<std::string_view> content_type) {
  if (!content_type) return false;
  const std::string_view type = trim(content_type->substr(0, content_type->find(';')));
  return lower_ascii(type) == "application/json";
}

class ApiExchange final : public net::Exchange {
 public:
  ApiExchange(Context& context, const Route& route, Call call, std::string peer)
      : context_(context), route_(route), call_(std::move(call)), peer_(std::move(peer)) {}

  std::size_t max_body_bytes() const override { return route_.has_body() ? kMaxBodyBytes : 0; }

  Task<net::ServerResponse> respond(std::string body, Deadline deadline) override {
    call_.deadline = deadline;
    if (route_.has_body()) {
      std::optional<net::ServerResponse> refused = take(body);
      if (refused) co_return std::move(*refused);
    }
    net::ServerResponse answer = co_await route_.handler(context_, std::move(call_));
    co_return answer;
  }

 private:
  std::optional<net::ServerResponse> take(std::string_view body) {
    Admitted<Caller> caller = authenticate_again(context_, call_.caller);
    if (!caller) {
      log_refusal(caller.error(), name_of(route_), peer_);
      return std::move(caller.error().answer);
    }
    call_.caller = std::move(*caller);
    Judged<json::object> object = read_body(body);
    if (!object) return std::move(object.error());
    call_.body = std::move(*object);
    return std::nullopt;
  }

  Context& context_;
  const Route& route_;
  Call call_;
  std::string peer_;
};

// One of the two doors.
class Door final : public net::HttpService {
 public:
  Door(Context& context, bool is_operators) : context_(context), is_operators_(is_operators) {}

  Task<std::expected<std::unique_ptr<net::Exchange>, net::ServerResponse>> admit(net::RequestHead head) override {
    const std::size_t path_end = std::min(head.target.find('?'), head.target.size());
    const std::string_view path = std::string_view(head.target).substr(0, path_end);
    FoundRoute found = find_route(head.method, path);
    Call call{.id = std::move(found.id),
              .query = head.target.substr(std::min(path_end + 1, head.target.size())),
              .deadline = Deadline::at(Deadline::Time::max())};
    Admitted<Caller> caller = is_operators_ ? judge_operator(head, found) : judge(head, found, call.query);
    if (!caller) {
      log_refusal(caller.error(), found.route ? name_of(*found.route) : "no route", head.peer);
      co_return std::unexpected(std::move(caller.error().answer));
    }
    call.caller = std::move(*caller);
    co_return std::make_unique<ApiExchange>(context_, *found.route, std::move(call), std::move(head.peer));
  }

 private:
  // Who could open the socket has shown who it is; no browser can.
  static Admitted<Caller> judge_operator(const net::RequestHead& head, const FoundRoute& found) {
    std::optional<Refusal> refused = check_route(found);
    Caller caller = operator_at_socket();
    if (!refused) refused = check_access(*found.route, caller);
    if (!refused) refused = check_body(*found.route, head);
    if (refused) return std::unexpected(std::move(*refused));
    return caller;
  }

  // Everything that the head decides, in this order.
  Admitted<Caller> judge(const net::RequestHead& head, const FoundRoute& found, std::string_view query) {
    // Probes know an address and no name.
    const bool is_probe = found.route && found.route->access.is_anybody();
    std::optional<Refusal> refused;
    if (!is_probe) refused = check_host(head, context_.options.hosts);
    if (!refused) refused = check_origin(head, context_.options.hosts);
    if (!refused) refused = check_route(found);
    if (!refused && !is_probe) refused = check_query(query);
    if (refused) return std::unexpected(std::move(*refused));
    if (is_probe) return Caller{};
    Admitted<Caller> caller = authenticate(context_, head);
    if (!caller) return caller;
    refused = check_access(*found.route, *caller);
    if (!refused) refused = check_body(*found.route, head);
    if (refused) return std::unexpected(std::move(*refused));
    return caller;
  }

  static std::optional<Refusal> check_route(const FoundRoute& found) {
    if (found.route) return std::nullopt;
    if (found.allow.empty()) return Refusal{not_found(), "an unknown path"};
    Refusal refused{refusal(405, "this path has no such method"), "another method"};
    refused.answer.headers.push_back({"Allow", found.allow});
    return refused;
  }

  static std::optional<Refusal> check_access(const Route& route, const Caller& caller) {
    if (route.access.admits(caller)) return std::nullopt;
    const std::string who = caller.legacy_key ? "legacy:" + caller.legacy_key->name : caller.token().jti;
    return Refusal{refusal(403, route.access.sentence()), fmt::format("{}: {}", who, route.access.sentence())};
  }

  static std::optional<Refusal> check_body(const Route& route, const net::RequestHead& head) {
    if (!route.has_body() || is_json(head.header("content-type"))) return std::nullopt;
    return Refusal{refusal(415, "the body must be application/json"), "another content type"};
  }

  Context& context_;
  const bool is_operators_;
};

class TwoDoors final : public Api {
 public:
  TwoDoors(ApiServices services, ApiOptions options) : context_(std::move(services), std::move(options)) {}
  net::HttpService& for_network() override { return network_; }
  net::HttpService& for_operator() override { return operator_; }

 private:
  Context context_;
  Door network_{context_, false};
  Door operator_{context_, true};
};

}  // namespace

std::unique_ptr<Api> make_api(ApiServices services, ApiOptions options) {
  return std::make_unique<TwoDoors>(std::move(services), std::move(options));
}

}  // namespace usher::admin
