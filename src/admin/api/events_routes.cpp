// Asking for an action, and seeing what was asked.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "admin/api/answers.h"
#include "admin/api/body.h"
#include "admin/api/credentials.h"
#include "admin/api/handlers.h"
#include "base/text.h"

namespace usher::admin {
namespace {

constexpr int kMaxLooks = 4;  // at policies that change while they are asked
constexpr std::size_t kMaxResourceBytes = 1024;
constexpr std::size_t kMaxMetadataBytes = 4096;  // as JSON without blanks

Event read_event(Context& context, Fields& fields) {
  Event event{.id = make_event_id(),
              .action = fields.required_text("action", policy::kMaxActionBytes),
              .resource = fields.text("target_resource", kMaxResourceBytes).value_or(""),
              .sensitivity = static_cast<int>(fields.integer("sensitivity", 0, policy::kMaxSensitivity).value_or(0)),
              .metadata = fields.object("metadata", kMaxMetadataBytes),
              .at = context.clock.now()};
  if (!policy::is_action(event.action)) fields.complain("action", "must be domain:operation:resource in lower case");
  return event;
}

// The sentence of a denial, or nothing when the policy allows; the error is the answer to who asks for too much.
using Denial = std::optional<std::string>;

Denial denial_of(const policy::Policy& policy, const policy::Request& request) {
  policy::Decision decision = policy.decide(request);
  if (decision.allowed) return std::nullopt;
  return std::move(decision.detail);
}

// A role without a policy narrows nothing; one that is gone allows nothing.
Denial denial_of_role(Context& context, const Token& root, const policy::Request& request) {
  if (root.role.empty()) return std::nullopt;
  const Result<std::shared_ptr<const policy::Policy>> role = context.services.role_policy(root.tenant, root.role);
  if (!role) return fmt::format("Action '{}' denied: the role '{}' does not exist", request.action, root.role);
  if (!*role) return std::nullopt;
  return denial_of(**role, request);
}

// The first link that denies, from the agent upwards, then the role: every one must allow.
Task<Judged<Denial>> denial_of_chain(Context& context, const Caller& caller, const policy::Request& request) {
  for (const Token& token : caller.chain) {
    Result<std::shared_ptr<const policy::Policy>> policy =
        co_await context.policies.compiled(caller.family(), token.policy);
    if (!policy) co_return std::unexpected(not_now(policy.error()));
    Denial denial = denial_of(**policy, request);
    if (denial) co_return denial;
  }
  co_return denial_of_role(context, caller.chain.back(), request);
}

Denial denial_of_key(Context& context, const LegacyKey& key, const policy::Request& request) {
  if (context.options.legacy_keys_skip_rbac) return std::nullopt;
  const std::string none = fmt::format("Action '{}' denied: legacy key '{}' has no policy", request.action, key.name);
  if (key.role.empty()) return none;
  const Result<std::shared_ptr<const policy::Policy>> role = context.services.role_policy(key.tenant, key.role);
  if (!role || !*role) return none;
  return denial_of(**role, request);
}

Task<Judged<Denial>> denial_of_caller(Context& context, const Caller& caller, const policy::Request& request) {
  if (caller.legacy_key) co_return denial_of_key(context, *caller.legacy_key, request);
  Judged<Denial> denial = co_await denial_of_chain(context, caller, request);
  co_return denial;
}

bool is_bound_alike(const Caller& a, const Caller& b) {
  return std::ranges::equal(a.chain, b.chain, {}, &Token::policy, &Token::policy);
}

// What denial_of_caller says of the policies that bind when it is done: compiling takes its time, and a parent that is
// tightened or revoked meanwhile binds at once.
Task<Judged<Denial>> denial_of_now(Context& context, Caller& caller, const policy::Request& request) {
  for (int tried = 0; tried < kMaxLooks; ++tried) {
    Judged<Denial> denial = co_await denial_of_caller(context, caller, request);
    if (!denial || *denial) co_return denial;
    Admitted<Caller> now = authenticate_again(context, caller);
    if (!now) co_return std::unexpected(std::move(now.error().answer));
    const bool is_settled = is_bound_alike(caller, *now);
    caller = std::move(*now);
    if (is_settled) co_return denial;
  }
  co_return std::unexpected(refusal(503, "the policies change too fast to decide"));
}

json::object event_json(const Event& event) {
  return {{"id", event.id},
          {"principal", event.principal},
          {"tenant", event.tenant},
          {"action", event.action},
          {"target_resource", event.resource},
          {"sensitivity", event.sensitivity},
          {"metadata", json::parse(event.metadata)},
          {"skipped_policy", event.skipped_policy},
          {"at", to_iso8601(event.at)}};
}

void name_principal(const Context& context, const Caller& caller, Event& event) {
  if (!caller.legacy_key) {
    event.principal = caller.token().jti;
    event.tenant = caller.token().tenant;
    return;
  }
  event.principal = "legacy:" + caller.legacy_key->name;
  event.tenant = caller.legacy_key->tenant;
  event.skipped_policy = context.options.legacy_keys_skip_rbac;
  if (event.skipped_policy) {
    spdlog::warn("api: legacy key '{}' skips the policy for {}", caller.legacy_key->name, event.action);
  }
}

}  // namespace

Task<net::ServerResponse> post_event(Context& context, Call call) {
  Fields fields(call.body, {"action", "target_resource", "sensitivity", "metadata"});
  Event event = read_event(context, fields);
  std::optional<net::ServerResponse> problem = fields.problem();
  if (problem) co_return std::move(*problem);
  const std::optional<std::chrono::seconds> wait = context.event_rate.count(call.caller.family());
  if (wait) co_return too_many(fmt::format("{} asks for too many events", call.caller.family()), *wait);
  name_principal(context, call.caller, event);
  const policy::Request request{.action = event.action, .resource = event.resource, .sensitivity = event.sensitivity};
  Judged<Denial> denial = co_await denial_of_now(context, call.caller, request);
  if (!denial) co_return std::move(denial.error());
  if (*denial) {
    spdlog::info("api: 403 {}: {}", event.principal, printable(**denial, 400));
    co_return refusal(403, **denial);
  }
  if (call.deadline.has_passed()) co_return refusal(503, "this took too long, nothing was done");
  json::object answer{{"id", event.id}};
  Result<void> stored = co_await context.services.events.add(std::move(event));
  if (!stored) co_return unavailable(stored.error());
  co_return json_answer(201, answer);
}

Task<net::ServerResponse> get_event(Context& context, Call call) {
  Result<std::optional<Event>> found = context.services.events.find(call.id);
  if (!found) co_return unavailable(found.error());
  if (!*found) co_return not_found();
  const Event& event = **found;
  const Caller& caller = call.caller;
  const bool is_own = caller.is_agent() && caller.token().jti == event.principal;
  if (!is_own && !caller.operates(event.tenant)) co_return not_found();
  co_return json_answer(200, event_json(event));
}

}  // namespace usher::admin
