#include "gateway/ledger_rows.h"

#include <fmt/format.h>

#include "tool/call_records.h"

namespace usher::gateway {
namespace {

constexpr const char* kResolve = "role:resolve:sender";
constexpr const char* kModelCall = "model:call:chat";

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
    row.rule = "default_role";
    row.detail = role.error().message;
    return row;
  }
  const rbac::Matched& matched = (*role)->matched;
  row.role = tool::role_of(**role);
  row.rule = matched.source.line > 0 ? fmt::format("{} {}:{}", matched.rule, matched.source.file, matched.source.line)
                                     : matched.rule;
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

Task<Result<provider::Completion>> LedgeredProvider::complete(const provider::Request& request,
                                                              const provider::TextSink& sink, Deadline deadline) {
  Result<provider::Completion> completion = co_await inner().complete(request, sink, deadline);
  const bool is_refused =
      !completion && (completion.error().kind == ErrorKind::limit || completion.error().kind == ErrorKind::denied);
  if (!is_refused) co_return completion;
  Result<void> written = co_await ledger_.append(limit_row(*context_, source_, model_, completion.error()));
  if (!written) co_return fail(std::move(written.error()));
  co_return completion;
}

}  // namespace usher::gateway
