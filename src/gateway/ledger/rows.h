// What the orchestrator writes into the ledger of a message: who its sender was found to be, which limit refused a
// model call, and which tools the model asked for that it was not offered. (Calls of offered ones are written by the
// gate, tool/gate.h.) Rows are pure; LedgeredProvider appends.
#pragma once

#include <memory>
#include <string>

#include "audit/ledger.h"
#include "channel/channel.h"
#include "provider/provider.h"
#include "rbac/role.h"

namespace usher::gateway {

// What a row belongs to: "main/812345", the channel and the platform's event.
std::string source_of(const channel::Incoming& incoming);

// A message from nobody that the platform vouches for.
audit::Record nobody_row(const channel::Incoming& incoming, const std::string& tenant);
audit::Record resolution_row(const channel::Incoming& incoming, const Sender& sender,
                             const Result<std::shared_ptr<const rbac::RoleContext>>& role);
audit::Record limit_row(const rbac::RoleContext& context, const std::string& source, const std::string& model,
                        const Error& refusal);

// A call of a tool that was not offered, which the loop refuses.
audit::Record unoffered_row(const rbac::RoleContext& context, const std::string& source, std::string_view tool);

// Outside the limits of a model call: a refusal by one of them is on record before anybody hears of it, and so is each
// call of a tool that was not offered.
class LedgeredProvider final : public provider::ProviderWrapper {
 public:
  // All but `context` outlive it.
  LedgeredProvider(provider::Provider& inner, audit::Ledger& ledger, std::shared_ptr<const rbac::RoleContext> context,
                   const std::string& source, const std::string& model)
      : ProviderWrapper(inner), ledger_(ledger), context_(std::move(context)), source_(source), model_(model) {}
  Task<Result<provider::Completion>> complete(const provider::Request& request, const provider::TextSink& sink,
                                              Deadline deadline) override;

 private:
  Task<Result<void>> record_unoffered(const provider::Request& request, const provider::Completion& completion);

  audit::Ledger& ledger_;
  std::shared_ptr<const rbac::RoleContext> context_;
  const std::string& source_;
  const std::string& model_;
};

}  // namespace usher::gateway
