#include "gateway/ledger/rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "tool/call_records.h"

namespace usher::gateway {
namespace {

constexpr const char* kResolve = "role:resolve:sender";
constexpr const char* kModelCall = "model:call:chat";
constexpr std::size_t kMaxUnofferedRows = 16;
constexpr std::size_t kMaxToolName = 200;

}  // namespace

std::string source_of(const channel::Incoming& incoming) {
  return fmt::format("{}/{}", incoming.channel, incoming.platform_id);
}

audit::Record nobody_row(const channel::Incoming& incoming, const std::string& tenant) {
  return {.kind = audit::Kind::resolution,
          .outcome = audit::Outcome::denied,
          .tenant = tenant,
          .source = source_of(incoming),
          .action = kResolve,
          .resource = incoming.chat,
          .rule = "no sender",
          .detail = "the platform vouches for nobody: a channel post, an anonymous admin or another bot"};
}

audit::Record resolution_row(const channel::Incoming& incoming, const Sender& sender,
                             const Result<std::shared_ptr<const rbac::RoleContext>>& role) {
  audit::Record row{.kind = audit::Kind::resolution,
                    .outcome = role ? audit::Outcome::allowed : audit::Outcome::denied,
                    .tenant = sender.tenant,
                    .who = to_string(sender),
                    .source = source_of(incoming),
                    .action = kResolve,
                    .resource = incoming.chat};
  if (!role) {
    row.rule = role.error().kind == ErrorKind::unavailable ? "not known" : "default_role";
    row.detail = role.error().message;
    return row;
  }
  const rbac::Matched& matched = (*role)->matched;
  row.role = tool::role_of(**role);
  row.rule = matched.source.line > 0 ? fmt::format("{} {}:{}", matched.rule, matched.source.file, matched.source.line)
                                     : matched.rule;
  if (matched.through) row.detail = fmt::format("as joined with {}", to_string(*matched.through));
  return row;
}

audit::Record limit_row(const rbac::RoleContext& context, const std::string& source, const std::string& model,
                        const Error& refusal) {
  return {.kind = audit::Kind::limit,
          .outcome = audit::Outcome::denied,
          .tenant = context.sender.tenant,
          .who = to_string(context.sender),
          .role = tool::role_of(context),
          .source = source,
          .action = kModelCall,
          .resource = model,
          .rule = refusal.message.substr(0, refusal.message.find(':')),
          .detail = refusal.message};
}

audit::Record unoffered_row(const rbac::RoleContext& context, const std::string& source, std::string_view tool) {
  const std::string name = printable(tool, kMaxToolName);
  return {.kind = audit::Kind::decision,
          .outcome = audit::Outcome::denied,
          .tenant = context.sender.tenant,
          .who = to_string(context.sender),
          .role = tool::role_of(context),
          .source = source,
          .action = "tool:call:unoffered",
          .resource = name,
          .rule = "not offered",
          .detail = fmt::format("{}: tool '{}' is not available to this role", name, name)};
}

// At most as many rows as the loop looks at calls.
Task<Result<void>> LedgeredProvider::record_unoffered(const provider::Request& request,
                                                      const provider::Completion& completion) {
  std::vector<audit::Record> rows;
  for (const provider::ToolCall& call : completion.tool_calls) {
    const bool is_offered =
        std::ranges::any_of(request.tools, [&](const provider::ToolOffer& offer) { return offer.name == call.name; });
    if (!is_offered && rows.size() < kMaxUnofferedRows) rows.push_back(unoffered_row(*context_, source_, call.name));
  }
  if (rows.empty()) co_return Result<void>();
  Result<void> written = co_await ledger_.append_all(std::move(rows));
  co_return written;
}

Task<Result<provider::Completion>> LedgeredProvider::complete(const provider::Request& request,
                                                              const provider::TextSink& sink, Deadline deadline) {
  Result<provider::Completion> completion = co_await inner().complete(request, sink, deadline);
  Result<void> written;
  if (completion) {
    written = co_await record_unoffered(request, *completion);
  } else if (completion.error().kind == ErrorKind::limit || completion.error().kind == ErrorKind::denied) {
    written = co_await ledger_.append(limit_row(*context_, source_, model_, completion.error()));
  }
  if (!written) co_return fail(std::move(written.error()));
  co_return completion;
}

}  // namespace usher::gateway
