// Who asks, and from where: Host, Origin, and the one credential of a request. Judged from the head alone, before a
// byte of the body. Event-loop thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/api/answers.h"
#include "admin/api/call.h"
#include "net/http_server.h"

namespace usher::admin {

// Why somebody was turned away: the answer tells the client, `why` the log. Neither holds a secret.
struct Refusal {
  net::ServerResponse answer;
  std::string why;
};
template <class T>
using Admitted = std::expected<T, Refusal>;

// Against DNS rebinding: Host must name this server, whatever the client resolved to get here.
std::optional<Refusal> check_host(const net::RequestHead& head, const std::vector<std::string>& hosts);
// Against pages of other sites: a browser that sends on behalf of one says so.
std::optional<Refusal> check_origin(const net::RequestHead& head, const std::vector<std::string>& hosts);
// A token in a query string ends up in logs, histories and referrers. `query` as sent.
std::optional<Refusal> check_query(std::string_view query);

Admitted<Caller> authenticate(Context& context, const net::RequestHead& head);
// Looks the caller's tokens up once more: a body may take its time, and a revocation binds at once.
Admitted<Caller> authenticate_again(Context& context, const Caller& caller);

}  // namespace usher::admin
