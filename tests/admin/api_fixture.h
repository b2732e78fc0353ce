// The API over real stores in a directory of its own, called without sockets, with a clock that a test moves.
#pragma once

#include <doctest/doctest.h>

#include <boost/asio/thread_pool.hpp>
#include <map>
#include <set>

#include "admin/api.h"
#include "base/json.h"
#include "support/fakes/fake_ledger.h"
#include "support/manual_clock.h"
#include "support/run_task.h"
#include "support/temp_dir.h"

namespace usher::testing {

using Headers = std::vector<net::Header>;

// What a client got.
struct Answer {
  int status = 0;
  Headers headers;
  std::string text;
  json::value body;
  bool was_admitted = false;

  std::string detail() const { return std::string(string_at(&body, "detail").value_or("")); }
  std::string text_of(std::string_view name) const { return std::string(string_at(&body, name).value_or("")); }
  std::string header(std::string_view name) const {
    for (const net::Header& each : headers) {
      if (each.name == name) return each.value;
    }
    return "";
  }
  // The rules of all violations, in order.
  std::vector<std::string> rules() const {
    std::vector<std::string> found;
    const json::array* list = array_at(&body, "violations");
    for (std::size_t i = 0; list && i < list->size(); ++i) found.emplace_back(*string_at(&(*list)[i], "rule"));
    return found;
  }
};

inline policy::PolicyDocument policy_for(std::string pattern, int level = 4) {
  return {.allowed_actions = {std::move(pattern)}, .max_sensitivity_level = level};
}

class ApiFixture {
 public:
  ApiFixture() { open(); }
  ~ApiFixture() { pool.join(); }

  void open() {
    Result<admin::ApiStores> opened = admin::open_api_stores(dir / "api.db", loop.get_executor());
    REQUIRE(opened);
    stores = std::move(*opened);
    api = admin::make_api({.tokens = *stores.tokens,
                           .events = *stores.events,
                           .ledger = ledger,
                           .clock = clock,
                           .pool = pool.get_executor(),
                           .role_policy = [this](const std::string& tenant,
                                                 const std::string& role) { return role_policy(tenant, role); },
                           .is_tenant = [this](const std::string& tenant) { return tenants.contains(tenant); },
                           .readiness = [this]() { return readiness; },
                           .conversations = [this](admin::ConversationFilter filter) { return find(filter); }},
                          options);
  }

  // Adds a token past the API; answers its secret.
  std::string add(admin::Token token) {
    if (token.jti.empty()) token.jti = admin::make_jti();
    last_jti = token.jti;
    const std::string secret = admin::make_token_secret();
    if (token.created_at == WallTime()) token.created_at = clock.wall();
    if (token.expires_at == WallTime()) token.expires_at = clock.wall() + std::chrono::hours(24);
    const Result<void> added = run_task(loop, stores.tokens->add(token, secret, clock.wall()));
    REQUIRE_MESSAGE(added, (added ? "" : added.error().message));
    return secret;
  }
  std::string add_operator(admin::Scopes scopes, std::string tenant = "") {
    return add({.name = "op", .tenant = std::move(tenant), .scopes = scopes});
  }
  std::string add_agent(policy::PolicyDocument document = {}, std::string tenant = "default", std::string role = "") {
    return add({.kind = admin::TokenKind::agent,
                .name = "agent",
                .tenant = std::move(tenant),
                .role = std::move(role),
                .policy = std::move(document)});
  }

  static Headers with(const std::string& secret) { return {{"authorization", "Bearer " + secret}}; }

  // Host and, for a body, the content type are added unless the headers have their own.
  Answer send(std::string method, std::string target, Headers headers = {}, std::string body = "") {
    return run_task(loop, request(std::move(method), std::move(target), std::move(headers), std::move(body)));
  }
  // The same beside others; the answer is there once the loop has run for long enough.
  std::shared_ptr<std::optional<Answer>> begin_post(const std::string& target, const std::string& secret,
                                                    const std::string& body) {
    auto answer = std::make_shared<std::optional<Answer>>();
    asio::co_spawn(loop, request("POST", target, with(secret), body),
                   [answer](const std::exception_ptr& error, Answer got) {
                     if (!error) *answer = std::move(got);
                   });
    return answer;
  }
  // Runs what can go on without waiting for anything.
  void poll() {
    loop.restart();
    loop.poll();
  }
  // Runs until all are there; one that never comes fails the test.
  void wait_for(const std::vector<std::shared_ptr<std::optional<Answer>>>& answers) {
    loop.restart();
    for (const auto& answer : answers) {
      while (!answer->has_value()) REQUIRE(loop.run_one_for(std::chrono::seconds(30)) == 1);
    }
  }
  Task<Answer> request(std::string method, std::string target, Headers headers, std::string body) {
    const auto has = [&](std::string_view name) {
      return std::ranges::any_of(headers, [&](const net::Header& each) { return each.name == name; });
    };
    if (!has("host")) headers.push_back({"host", "localhost:8787"});
    if (!has("content-type") && (method == "POST" || method == "PUT")) {
      headers.push_back({"content-type", "application/json"});
    }
    return exchange({std::move(method), std::move(target), std::move(headers), "127.0.0.1"}, std::move(body));
  }
  Answer post(const std::string& target, const std::string& secret, const std::string& body) {
    return send("POST", target, with(secret), body);
  }
  int event_status(const std::string& secret, const std::string& action = "data:read:x") {
    return post("/events", secret, json::serialize(json::object{{"action", action}})).status;
  }

  Result<std::shared_ptr<const policy::Policy>> role_policy(const std::string& tenant, const std::string& role) {
    const auto found = roles.find(tenant + "/" + role);
    if (found == roles.end()) return fail(ErrorKind::not_found, "no such role");
    if (!found->second) return nullptr;
    return policy::Policy::compile(*found->second);
  }

  TempDir dir;
  ManualClock clock;
  asio::io_context loop{1};
  asio::thread_pool pool{1};
  std::set<std::string> tenants{"default", "acme"};
  std::map<std::string, std::optional<policy::PolicyDocument>> roles;  // by "tenant/role"
  Result<void> readiness;
  admin::ApiOptions options{.hosts = {"localhost:8787", "usher.example.com"}};
  admin::ApiStores stores;
  FakeLedger ledger;
  std::unique_ptr<admin::Api> api;
  std::vector<admin::ConversationRow> conversations;
  admin::ConversationFilter asked_for;  // of the last GET /conversations
  bool is_at_socket = false;            // requests come through the operator's door
  std::string last_jti;
  bool admits_only = false;  // no body is read, nothing is done
  std::function<void()> before_body;

  net::HttpService& door() { return is_at_socket ? api->for_operator() : api->for_network(); }

 private:
  Task<Result<std::vector<admin::ConversationRow>>> find(admin::ConversationFilter filter) {
    asked_for = std::move(filter);
    co_return conversations;
  }
  Task<Answer> exchange(net::RequestHead head, std::string body) {
    std::expected<std::unique_ptr<net::Exchange>, net::ServerResponse> admitted =
        co_await door().admit(std::move(head));
    if (!admitted) co_return answer_of(admitted.error(), false);
    if (admits_only) co_return Answer{.was_admitted = true};
    if (body.size() > (*admitted)->max_body_bytes()) co_return Answer{.status = 413};
    if (before_body) before_body();
    net::ServerResponse response = co_await (*admitted)->respond(body, Deadline::in(std::chrono::seconds(30)));
    co_return answer_of(response, true);
  }
  static Answer answer_of(const net::ServerResponse& response, bool was_admitted) {
    Answer answer{.status = response.status,
                  .headers = response.headers,
                  .text = response.body,
                  .body = json::parse(response.body),
                  .was_admitted = was_admitted};
    CHECK(answer.header("Cache-Control") == "no-store");
    CHECK(answer.header("X-Content-Type-Options") == "nosniff");
    return answer;
  }
};

}  // namespace usher::testing
