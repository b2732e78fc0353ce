// Answers of the API. Each carries Cache-Control: no-store and X-Content-Type-Options: nosniff. Pure.
#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "net/http_server.h"
#include "policy/narrowing.h"

namespace usher::admin {

// A value, or the answer that refuses the request.
template <class T>
using Judged = std::expected<T, net::ServerResponse>;

net::ServerResponse json_answer(int status, const json::object& body);
// {"detail": "…"}
net::ServerResponse refusal(int status, std::string_view detail);
net::ServerResponse not_found();
// One sentence for a credential that is missing, unknown, expired or revoked: it tells nothing about tokens.
net::ServerResponse unauthorized();
// 400 with `detail` and all violations.
net::ServerResponse not_within(std::string_view detail, const std::vector<policy::Violation>& violations);
// 503 for what a store or the pool could not do; the reason goes to the log only.
net::ServerResponse unavailable(const Error& error);
// 429 with Retry-After.
net::ServerResponse too_many(std::string_view detail, std::chrono::seconds retry_after);
// For an error of Policies: too_many() for limit, else unavailable().
net::ServerResponse not_now(const Error& error);

}  // namespace usher::admin
