// Who the sender of a message is found to be, and the row of the ledger that says so: it is on disk before anything is
// done for them. Event-loop thread; one Admission serves all messages.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "audit/ledger.h"
#include "base/async.h"
#include "channel/channel.h"
#include "gateway/services.h"
#include "rbac/role.h"

namespace usher::gateway {

class Admission {
 public:
  explicit Admission(const Services& services) : services_(services) {}

  // Begins the row of who the sender is, so that it is written while the message is; nullptr where only the turn can
  // find out.
  std::shared_ptr<EarlyRow> begin_resolution(const channel::Incoming& incoming, const std::string& tenant,
                                             const asio::any_io_executor& loop) const;
  // By what the message itself says. Errors as of rbac::RoleResolver.
  Result<std::shared_ptr<const rbac::RoleContext>> resolve(const channel::Incoming& incoming, const Sender& sender,
                                                           std::span<const rbac::PlatformRoles> platform_roles,
                                                           std::string parent = "") const;
  // Asks the platform where that matters; unavailable when it must be known and is not.
  Task<Result<std::shared_ptr<const rbac::RoleContext>>> find_role(const channel::Incoming& incoming,
                                                                   const Sender& sender, channel::Channel& channel);
  // With the row that was begun when the message came, where it says the same.
  Task<Result<void>> record(const Accepted& accepted, audit::Record row);

 private:
  bool asks_parent(const channel::Incoming& incoming, const Sender& sender) const;

  Services services_;
};

}  // namespace usher::gateway
