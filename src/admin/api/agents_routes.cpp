// Making agents' tokens and changing what they may do: everything that compares policies.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "admin/api/answers.h"
#include "admin/api/body.h"
#include "admin/api/handlers.h"
#include "admin/records.h"
#include "admin/tokens/token_json.h"
#include "admin/tokens/visible_token.h"

namespace usher::admin {
namespace {

using policy::PolicyDocument;

constexpr std::size_t kMaxNameBytes = 128;
constexpr std::chrono::seconds kDefaultLifetime = std::chrono::days(30);

constexpr const char* kNoPolicy = "'policy' is missing: name one, or a role that has one";

// What a request is refused for, collected: all of it is answered together.
struct Excess {
  std::string detail;
  std::vector<policy::Violation> violations;

  bool is_any() const { return !detail.empty(); }
  void add_sentence(std::string_view sentence) {
    if (!detail.empty()) detail += "; ";
    detail += sentence;
  }
  void add(std::string rule, std::string what, std::string_view sentence) {
    violations.push_back({.rule = std::move(rule), .pattern = std::move(what), .witness = ""});
    add_sentence(sentence);
  }
};

std::optional<std::chrono::seconds> read_lifetime(Fields& fields) {
  const std::optional<std::int64_t> seconds = fields.integer("expires_in_s", 1, kMaxLifetime.count());
  if (!seconds) return std::nullopt;
  return std::chrono::seconds(*seconds);
}

policy::Narrowing read_mode(Fields& fields) {
  const std::optional<std::string> mode = fields.text("mode", 16);
  if (mode && *mode == "effective") return policy::Narrowing::effective;
  if (mode && *mode != "strict") fields.complain("mode", "must be strict or effective");
  return policy::Narrowing::strict;
}

// Compares on the pool and adds what goes beyond; the error is the answer to who asks for too much.
Task<Judged<void>> add_excess(Context& context, const Caller& caller, const PolicyDocument& parent,
                              const PolicyDocument& child, policy::Narrowing mode, Excess& excess) {
  Result<policy::NarrowingResult> result = co_await context.policies.compare(caller.family(), parent, child, mode);
  if (!result) co_return std::unexpected(not_now(result.error()));
  if (result->within) co_return Judged<void>();
  excess.violations.insert(excess.violations.end(), result->violations.begin(), result->violations.end());
  excess.add_sentence(policy::describe(*result));
  co_return Judged<void>();
}

// A policy that would make decisions slow is not taken on; the error is the answer.
Task<Judged<void>> check_bounded(Context& context, const Caller& caller, const PolicyDocument& document) {
  const CompiledPolicy compiled = co_await context.policies.compiled(caller.family(), document);
  if (compiled) co_return Judged<void>();
  if (compiled.error().kind != ErrorKind::invalid) co_return std::unexpected(not_now(compiled.error()));
  co_return std::unexpected(refusal(422, compiled.error().message));
}

// The document of a role's policy; nullopt when it has none; not_found when there is no such role.
Result<std::optional<PolicyDocument>> role_document(Context& context, const std::string& tenant,
                                                    const std::string& role) {
  Result<std::shared_ptr<const policy::Policy>> found = context.services.role_policy(tenant, role);
  if (!found) return fail(std::move(found.error()));
  if (!*found) return std::nullopt;
  return (*found)->document();
}

const char* making_of(const Token& token) { return token.parent.empty() ? "token:make:agent" : "token:make:subagent"; }

audit::Record making_record(const Caller& caller, const Token& token) {
  return token_record(caller, making_of(token), token,
                      fmt::format("{} '{}', depth {}, until {}", token.parent.empty() ? "agent" : "subagent",
                                  token.name, token.depth, to_iso8601(token.expires_at)));
}

// Who asks for more than may be given is told what, and so is the ledger.
Task<net::ServerResponse> refuse_excess(Context& context, audit::Record record, const Excess& excess) {
  record.outcome = audit::Outcome::denied;
  record.rule = "narrowing";
  record.detail = excess.detail;
  Judged<void> written = co_await write_row(context, std::move(record));
  if (!written) co_return std::move(written.error());
  co_return not_within(excess.detail, excess.violations);
}

// Keeps the token and answers with its secret, which is shown this once.
Task<net::ServerResponse> issue(Context& context, const Caller& caller, Token token, json::object answer,
                                const Deadline& deadline) {
  Judged<void> bounded = co_await check_bounded(context, caller, token.policy);
  if (!bounded) co_return std::move(bounded.error());
  if (deadline.has_passed()) co_return refusal(503, "this took too long, nothing was done");
  Judged<void> written = co_await write_row(context, making_record(caller, token));
  if (!written) co_return std::move(written.error());
  const std::string secret = make_token_secret();
  answer["token"] = secret;
  answer["jti"] = token.jti;
  answer["depth"] = token.depth;
  answer["expires_at"] = to_iso8601(token.expires_at);
  const std::string jti = token.jti;
  Result<void> added = co_await context.services.tokens.add(std::move(token), secret, context.clock.now());
  if (added) {
    spdlog::info("api: made token {}", jti);
    co_return json_answer(201, answer);
  }
  // The one above it was revoked while the policies were compared.
  if (added.error().kind == ErrorKind::not_found) co_return unauthorized();
  if (added.error().kind == ErrorKind::limit) co_return refusal(429, added.error().message);
  co_return unavailable(added.error());
}

// Reads the members of a token for an agent; `has_policy` tells whether one was named.
Token read_agent(Context& context, const Caller& caller, Fields& fields, bool& has_policy) {
  const WallTime now = context.clock.now();
  const std::string& own = caller.token().tenant;
  Token token{.jti = make_jti(),
              .kind = TokenKind::agent,
              .name = fields.required_text("name", kMaxNameBytes),
              .tenant = fields.text("tenant", kMaxNameBytes).value_or(own.empty() ? "default" : own),
              .role = fields.text("role", kMaxNameBytes).value_or(""),
              .created_at = now,
              .expires_at = now + read_lifetime(fields).value_or(kDefaultLifetime)};
  std::optional<PolicyDocument> document = fields.policy("policy");
  has_policy = document.has_value();
  if (document) token.policy = std::move(*document);
  return token;
}

// The bound that a policy must keep: of the token above, of the role.
struct Bounds {
  std::vector<PolicyDocument> documents;
};

Judged<Bounds> bounds_of(Context& context, const std::vector<Token>& chain) {
  Bounds bounds;
  if (chain.size() > 1) bounds.documents.push_back(chain[1].policy);
  const Token& root = chain.back();
  if (root.role.empty()) return bounds;
  Result<std::optional<PolicyDocument>> role = role_document(context, root.tenant, root.role);
  if (!role) return std::unexpected(refusal(400, fmt::format("the role '{}' does not exist any more", root.role)));
  if (*role) bounds.documents.push_back(std::move(**role));
  return bounds;
}

}  // namespace

Task<net::ServerResponse> post_agent(Context& context, Call call) {
  Fields fields(call.body, {"name", "policy", "tenant", "role", "expires_in_s"});
  bool has_policy = false;
  Token token = read_agent(context, call.caller, fields, has_policy);
  std::optional<net::ServerResponse> problem = fields.problem();
  if (problem) co_return std::move(*problem);
  if (!call.caller.operates(token.tenant) || !context.services.is_tenant(token.tenant)) co_return not_found();
  if (token.role.empty() && !has_policy) co_return refusal(422, kNoPolicy);
  if (!token.role.empty()) {
    Result<std::optional<PolicyDocument>> role = role_document(context, token.tenant, token.role);
    if (!role) co_return refusal(422, "'role' names no role of that tenant");
    if (!*role && !has_policy) co_return refusal(422, kNoPolicy);
    if (*role && !has_policy) token.policy = **role;
    Excess excess;
    if (*role && has_policy) {
      Judged<void> compared =
          co_await add_excess(context, call.caller, **role, token.policy, policy::Narrowing::strict, excess);
      if (!compared) co_return std::move(compared.error());
    }
    if (excess.is_any()) {
      net::ServerResponse refused = co_await refuse_excess(context, making_record(call.caller, token), excess);
      co_return refused;
    }
  }
  json::object answer{{"name", token.name}, {"tenant", token.tenant}};
  net::ServerResponse issued = co_await issue(context, call.caller, std::move(token), std::move(answer), call.deadline);
  co_return issued;
}

Task<net::ServerResponse> post_subagent(Context& context, Call call) {
  Fields fields(call.body, {"name", "policy", "expires_in_s", "mode"});
  const Token& parent = call.caller.token();
  const WallTime now = context.clock.now();
  const std::optional<std::chrono::seconds> lifetime = read_lifetime(fields);
  const policy::Narrowing mode = read_mode(fields);
  Token token{.jti = make_jti(),
              .kind = TokenKind::agent,
              .name = fields.text("name", kMaxNameBytes).value_or(parent.name),
              .tenant = parent.tenant,
              .parent = parent.jti,
              .depth = parent.depth + 1,
              .role = parent.role,
              .policy = fields.required_policy("policy"),
              .created_at = now,
              .expires_at = lifetime ? now + *lifetime : parent.expires_at};
  std::optional<net::ServerResponse> problem = fields.problem();
  if (problem) co_return std::move(*problem);
  Excess excess;
  if (token.depth > kMaxAgentDepth) {
    excess.add("depth", std::to_string(token.depth),
               fmt::format("depth {} is more than {}: this agent may have no subagents", token.depth, kMaxAgentDepth));
  }
  if (lifetime && (token.expires_at > parent.expires_at || *lifetime > context.clock.remaining(parent))) {
    excess.add("lifetime", std::to_string(lifetime->count()),
               fmt::format("it would outlive its parent, which expires at {}", to_iso8601(parent.expires_at)));
  }
  Judged<void> compared = co_await add_excess(context, call.caller, parent.policy, token.policy, mode, excess);
  if (!compared) co_return std::move(compared.error());
  if (excess.is_any()) {
    net::ServerResponse refused = co_await refuse_excess(context, making_record(call.caller, token), excess);
    co_return refused;
  }
  json::object answer{{"parent", parent.jti}};
  net::ServerResponse issued = co_await issue(context, call.caller, std::move(token), std::move(answer), call.deadline);
  co_return issued;
}

Task<net::ServerResponse> put_policy(Context& context, Call call) {
  Fields fields(call.body, {"policy", "mode"});
  const PolicyDocument document = fields.required_policy("policy");
  const policy::Narrowing mode = read_mode(fields);
  std::optional<net::ServerResponse> problem = fields.problem();
  if (problem) co_return std::move(*problem);
  Judged<Token> token = visible_token(context, call.caller, call.id);
  if (!token) co_return std::move(token.error());
  if (token->kind != TokenKind::agent || !context.clock.is_usable(*token)) co_return not_found();
  Result<std::vector<Token>> chain = context.services.tokens.chain(call.id);
  if (!chain && chain.error().kind == ErrorKind::not_found) co_return not_found();
  if (!chain) co_return unavailable(chain.error());
  Judged<Bounds> bounds = bounds_of(context, *chain);
  if (!bounds) co_return std::move(bounds.error());
  Excess excess;
  for (const PolicyDocument& bound : bounds->documents) {
    Judged<void> compared = co_await add_excess(context, call.caller, bound, document, mode, excess);
    if (!compared) co_return std::move(compared.error());
  }
  token->policy = document;
  audit::Record row = token_record(call.caller, "token:replace:policy", *token, "its policy is replaced");
  if (excess.is_any()) {
    net::ServerResponse refused = co_await refuse_excess(context, std::move(row), excess);
    co_return refused;
  }
  Judged<void> bounded = co_await check_bounded(context, call.caller, document);
  if (!bounded) co_return std::move(bounded.error());
  if (call.deadline.has_passed()) co_return refusal(503, "this took too long, nothing was done");
  Judged<void> written = co_await write_row(context, std::move(row));
  if (!written) co_return std::move(written.error());
  Result<void> replaced = co_await context.services.tokens.replace_policy(call.id, document);
  if (!replaced && replaced.error().kind == ErrorKind::not_found) co_return not_found();
  if (!replaced) co_return unavailable(replaced.error());
  spdlog::info("api: {} replaced the policy of {}", call.caller.token().jti, call.id);
  co_return json_answer(200, token_json_with_policy(*token, true));
}

}  // namespace usher::admin
