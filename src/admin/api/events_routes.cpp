// Asking for an action, and seeing what was asked.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "admin/api/answers.h"
#include "admin/api/body.h"
#include "admin/api/credentials.h"
#include "admin/api/handlers.h"
#include "admin/records.h"
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

// What was decided, by which rule of which policy.
struct Ruling {
  bool is_allowed = false;
  std::string detail;
  std::string rule;
  std::string policy_hash = "";
};

Ruling ruling_of(const policy::Policy& policy, const policy::Request& request) {
  policy::Decision decision = policy.decide(request);
  std::string rule = decision.pattern.empty() ? policy::to_string(decision.rule) : std::move(decision.pattern);
  return {decision.allowed, std::move(decision.detail), std::move(rule), policy.hash()};
}

// A role that is gone allows nothing; one without a policy narrows nothing: nullopt.
std::optional<Ruling> ruling_of_role(Context& context, const Token& root, const policy::Request& request) {
  if (root.role.empty()) return std::nullopt;
  const Result<std::shared_ptr<const policy::Policy>> role = context.services.role_policy(root.tenant, root.role);
  if (!role) {
    return Ruling{false, fmt::format("Action '{}' denied: the role '{}' does not exist", request.action, root.role),
                  "role"};
  }
  if (!*role) return std::nullopt;
  return ruling_of(**role, request);
}

// The first link that denies, from the agent upwards, then the role: every one must allow. The error is the answer.
Task<Judged<Ruling>> ruling_of_chain(Context& context, const Caller& caller, const policy::Request& request) {
  Ruling ruling;
  for (const Token& token : caller.chain) {
    Result<std::shared_ptr<const policy::Policy>> policy =
        co_await context.policies.compiled(caller.family(), token.policy);
    if (!policy) co_return std::unexpected(not_now(policy.error()));
    ruling = ruling_of(**policy, request);
    if (!ruling.is_allowed) co_return ruling;
  }
  std::optional<Ruling> by_role = ruling_of_role(context, caller.chain.back(), request);
  co_return by_role ? std::move(*by_role) : std::move(ruling);
}

Ruling ruling_of_key(Context& context, const LegacyKey& key, const policy::Request& request) {
  if (context.options.legacy_keys_skip_rbac) {
    return {true, fmt::format("Action '{}' allowed: legacy keys skip every policy", request.action),
            "legacy_keys_skip_rbac"};
  }
  Ruling none{false, fmt::format("Action '{}' denied: legacy key '{}' has no policy", request.action, key.name),
              "role"};
  if (key.role.empty()) return none;
  const Result<std::shared_ptr<const policy::Policy>> role = context.services.role_policy(key.tenant, key.role);
  if (!role || !*role) return none;
  return ruling_of(**role, request);
}

Task<Judged<Ruling>> ruling_of_caller(Context& context, const Caller& caller, const policy::Request& request) {
  if (caller.legacy_key) co_return ruling_of_key(context, *caller.legacy_key, request);
  Judged<Ruling> ruling = co_await ruling_of_chain(context, caller, request);
  co_return ruling;
}

bool is_bound_alike(const Caller& a, const Caller& b) {
  return std::ranges::equal(a.chain, b.chain, {}, &Token::policy, &Token::policy);
}

audit::Record row_of(const Caller& caller, const Event& event, const Ruling& ruling) {
  return {.kind = audit::Kind::decision,
          .outcome = ruling.is_allowed ? audit::Outcome::allowed : audit::Outcome::denied,
          .tenant = event.tenant,
          .who = event.principal,
          .role = caller.legacy_key ? caller.legacy_key->role : caller.chain.back().role,
          .action = event.action,
          .resource = event.resource,
          .sensitivity = event.sensitivity,
          .rule = ruling.rule,
          .detail = ruling.detail,
          .policy_hash = ruling.policy_hash};
}

// What ruling_of_caller says of the policies that bind when it is done and in the ledger: compiling and writing take
// their time, and a parent that is tightened or revoked meanwhile binds at once.
Task<Judged<Ruling>> ruling_of_now(Context& context, Caller& caller, const Event& event) {
  const policy::Request request{.action = event.action, .resource = event.resource, .sensitivity = event.sensitivity};
  for (int tried = 0; tried < kMaxLooks; ++tried) {
    Judged<Ruling> ruling = co_await ruling_of_caller(context, caller, request);
    if (!ruling) co_return ruling;
    Judged<void> written = co_await write_row(context, row_of(caller, event, *ruling));
    if (!written) co_return std::unexpected(std::move(written.error()));
    if (!ruling->is_allowed) co_return ruling;
    Admitted<Caller> now = authenticate_again(context, caller);
    if (!now) co_return std::unexpected(std::move(now.error().answer));
    const bool is_settled = is_bound_alike(caller, *now);
    caller = std::move(*now);
    if (is_settled) co_return ruling;
  }
  co_return std::unexpected(refusal(503, "the policies change too fast to decide"));
}

// 429, and a row for the first of many.
Task<net::ServerResponse> refuse_flood(Context& context, const Caller& caller, const Event& event,
                                       EventRate::Refusal refused) {
  std::string detail = fmt::format("{} asks for too many events", caller.family());
  if (refused.is_first) {
    audit::Record row = row_of(caller, event, {false, detail, "events of a family"});
    row.kind = audit::Kind::limit;
    // Refused all the same where it cannot be written.
    co_await write_row(context, std::move(row));
  }
  co_return too_many(detail, refused.wait);
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
  event.principal = who_is(caller);
  if (!caller.legacy_key) {
    event.tenant = caller.token().tenant;
    return;
  }
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
  name_principal(context, call.caller, event);
  const std::optional<EventRate::Refusal> refused = context.event_rate.count(call.caller.family());
  if (refused) {
    net::ServerResponse answer = co_await refuse_flood(context, call.caller, event, *refused);
    co_return answer;
  }
  Judged<Ruling> ruling = co_await ruling_of_now(context, call.caller, event);
  if (!ruling) co_return std::move(ruling.error());
  if (!ruling->is_allowed) {
    spdlog::info("api: 403 {}: {}", event.principal, printable(ruling->detail, 400));
    co_return refusal(403, ruling->detail);
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
