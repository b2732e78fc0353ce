// What only the operator's socket answers, and what operators look at.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "admin/api/answers.h"
#include "admin/api/body.h"
#include "admin/api/handlers.h"
#include "admin/records.h"
#include "admin/tokens/token_json.h"
#include "base/text.h"

namespace usher::admin {
namespace {

constexpr std::size_t kMaxNameBytes = 128;
constexpr std::chrono::seconds kDefaultLifetime = std::chrono::days(90);
constexpr std::size_t kMaxPathBytes = 4096;

// The value of `name` in a query, as sent; "" when it is absent. States and tenants need no escapes.
std::string_view query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    std::string_view parameter = query.substr(0, end);
    if (parameter.starts_with(name) && parameter.substr(name.size()).starts_with('=')) {
      return parameter.substr(name.size() + 1);
    }
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return {};
}

Token read_operator(Context& context, Fields& fields) {
  const WallTime now = context.clock.now();
  const std::optional<std::int64_t> lifetime = fields.integer("expires_in_s", 1, kMaxLifetime.count());
  Token token{.jti = make_jti(),
              .kind = TokenKind::operator_,
              .name = fields.required_text("name", kMaxNameBytes),
              .tenant = fields.text("tenant", kMaxNameBytes).value_or(""),
              .created_at = now,
              .expires_at = now + (lifetime ? std::chrono::seconds(*lifetime) : kDefaultLifetime)};
  const std::optional<Scopes> scopes = Scopes::parse(fields.required_text("scopes", kMaxNameBytes));
  if (scopes && !scopes->is_empty()) {
    token.scopes = *scopes;
  } else {
    fields.complain("scopes", "must be one or several of read,operate,approve,admin");
  }
  return token;
}

json::object progress_json(const BackupProgress& progress) {
  using State = BackupProgress::State;
  const char* state = progress.state == State::running ? "running" : progress.state == State::done ? "done" : "failed";
  json::object out{{"directory", progress.directory.native()},
                   {"state", state},
                   {"step", progress.step},
                   {"files", progress.files},
                   {"bytes", progress.bytes},
                   {"passes", progress.passes},
                   {"held_us", progress.held_us},
                   {"was_held_long", progress.was_held_long}};
  if (!progress.why.empty()) out["detail"] = progress.why;
  return out;
}

}  // namespace

json::object conversation_json(const ConversationRow& row) {
  return {{"channel", row.channel},
          {"tenant", row.tenant},
          {"chat", row.chat},
          {"thread", row.thread.empty() ? json::value(nullptr) : json::value(row.thread)},
          {"sender", row.sender},
          {"state", row.state},
          {"messages", row.messages},
          {"unfinished", row.unfinished},
          {"last_platform_id", row.last_platform_id},
          {"last_accepted", to_iso8601(row.last_accepted)},
          {"note", row.note.empty() ? json::value(nullptr) : json::value(row.note)}};
}

Task<net::ServerResponse> post_operator(Context& context, Call call) {
  Fields fields(call.body, {"name", "scopes", "tenant", "expires_in_s"});
  Token token = read_operator(context, fields);
  std::optional<net::ServerResponse> problem = fields.problem();
  if (problem) co_return std::move(*problem);
  if (!token.tenant.empty() && !context.services.is_tenant(token.tenant)) {
    co_return refusal(422, fmt::format("there is no tenant '{}'", printable(token.tenant)));
  }
  Judged<void> written =
      co_await write_row(context, token_record(call.caller, "token:make:operator", token,
                                               fmt::format("operator '{}', scopes {}, until {}", token.name,
                                                           token.scopes.words(), to_iso8601(token.expires_at))));
  if (!written) co_return std::move(written.error());
  const std::string secret = make_token_secret();
  json::object answer = token_json(token, true);
  answer["token"] = secret;
  Result<void> added = co_await context.services.tokens.add(token, secret, context.clock.now());
  if (!added) co_return unavailable(added.error());
  spdlog::info("api: the operator made token {} ({})", token.jti, token.scopes.words());
  co_return json_answer(201, answer);
}

Task<net::ServerResponse> get_conversations(Context& context, Call call) {
  const std::string& own = call.caller.token().tenant;
  ConversationFilter filter{.state = std::string(query_value(call.query, "state")),
                            .tenant = std::string(query_value(call.query, "tenant"))};
  const bool is_known = filter.state.empty() || std::ranges::find(kMessageStates, filter.state) != kMessageStates.end();
  if (!is_known) co_return refusal(422, fmt::format("'{}' is no state of a message", printable(filter.state, 40)));
  if (!own.empty() && !filter.tenant.empty() && filter.tenant != own) co_return not_found();
  if (!own.empty()) filter.tenant = own;
  if (!context.services.conversations) co_return refusal(503, "conversations cannot be listed");
  Result<std::vector<ConversationRow>> rows = co_await context.services.conversations(std::move(filter));
  if (!rows) co_return unavailable(rows.error());
  json::array list;
  for (const ConversationRow& row : *rows) {
    // Never rely on others to keep tenants apart.
    if (own.empty() || row.tenant == own) list.push_back(conversation_json(row));
  }
  co_return json_answer(200, {{"conversations", std::move(list)}});
}

Task<net::ServerResponse> post_backup(Context& context, Call call) {
  Fields fields(call.body, {"directory"});
  const std::string directory = fields.required_text("directory", kMaxPathBytes);
  std::optional<net::ServerResponse> problem = fields.problem();
  if (problem) co_return std::move(*problem);
  if (!context.services.backups) co_return refusal(503, "backups cannot be made");
  Judged<void> written = co_await write_row(context, {.kind = audit::Kind::operator_action,
                                                      .outcome = audit::Outcome::allowed,
                                                      .who = who_is(call.caller),
                                                      .action = "operator:backup:data_dir",
                                                      .resource = directory,
                                                      .rule = "scope " + call.caller.token().scopes.words()});
  if (!written) co_return std::move(written.error());
  const Result<void> started = context.services.backups->start(directory);
  if (!started) co_return refusal(started.error().kind == ErrorKind::busy ? 409 : 422, started.error().message);
  co_return json_answer(202, progress_json(*context.services.backups->progress()));
}

Task<net::ServerResponse> get_backup(Context& context, Call) {
  const std::optional<BackupProgress> progress =
      context.services.backups ? context.services.backups->progress() : std::nullopt;
  if (!progress) co_return not_found();
  co_return json_answer(200, progress_json(*progress));
}

}  // namespace usher::admin
