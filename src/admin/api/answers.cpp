#include "admin/api/answers.h"

#include <spdlog/spdlog.h>

namespace usher::admin {

net::ServerResponse json_answer(int status, const json::object& body) {
  return {.status = status,
          .headers = {{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}},
          .body = json::serialize(body)};
}

net::ServerResponse refusal(int status, std::string_view detail) { return json_answer(status, {{"detail", detail}}); }

net::ServerResponse not_found() { return refusal(404, "not found"); }

net::ServerResponse unauthorized() {
  net::ServerResponse answer = refusal(401, "a valid token is needed: Authorization: Bearer ush_…");
  answer.headers.push_back({"WWW-Authenticate", "Bearer"});
  return answer;
}

net::ServerResponse not_within(std::string_view detail, const std::vector<policy::Violation>& violations) {
  json::array list;
  for (const policy::Violation& each : violations) {
    list.push_back(json::object{{"rule", each.rule}, {"pattern", each.pattern}, {"witness", each.witness}});
  }
  return json_answer(400, {{"detail", detail}, {"violations", std::move(list)}});
}

net::ServerResponse unavailable(const Error& error) {
  spdlog::error("api: {}", error.message);
  net::ServerResponse answer = refusal(503, "not available now, try again");
  answer.headers.push_back({"Retry-After", "1"});
  return answer;
}

net::ServerResponse too_many(std::string_view detail, std::chrono::seconds retry_after) {
  spdlog::info("api: 429: {}", detail);
  net::ServerResponse answer = refusal(429, detail);
  answer.headers.push_back({"Retry-After", std::to_string(retry_after.count())});
  return answer;
}

net::ServerResponse not_now(const Error& error) {
  if (error.kind == ErrorKind::limit) return too_many(error.message, std::chrono::seconds(1));
  return unavailable(error);
}

}  // namespace usher::admin
