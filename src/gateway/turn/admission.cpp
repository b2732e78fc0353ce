#include "gateway/turn/admission.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>
#include <vector>

#include "gateway/conversation.h"
#include "gateway/ledger/early_row.h"
#include "gateway/ledger/rows.h"

namespace usher::gateway {
namespace {

constexpr std::chrono::seconds kRolesTimeout{10};

}  // namespace

Result<std::shared_ptr<const rbac::RoleContext>> Admission::resolve(const channel::Incoming& incoming,
                                                                    const Sender& sender,
                                                                    std::span<const rbac::PlatformRoles> held,
                                                                    std::string parent) const {
  const rbac::Place place{
      .kind = incoming.kind, .chat = incoming.chat, .is_group = incoming.is_group, .parent = std::move(parent)};
  return services_.roles.resolve(sender, place, held, services_.links.joined_to(sender));
}

Task<Result<std::shared_ptr<const rbac::RoleContext>>> Admission::find_role(const channel::Incoming& incoming,
                                                                            const Sender& sender,
                                                                            channel::Channel& channel) {
  std::vector<rbac::PlatformRoles> held;
  if (services_.roles.asks_platform(sender, services_.links.joined_to(sender))) {
    Result<std::vector<channel::GuildRoles>> found = co_await channel.roles_of(incoming, Deadline::in(kRolesTimeout));
    if (!found) {
      co_return fail(ErrorKind::unavailable,
                     fmt::format("the roles of {} are not known: {}", to_string(sender), found.error().message));
    }
    for (channel::GuildRoles& in : *found) held.push_back({std::move(in.guild), std::move(in.roles)});
  }
  std::string parent;
  if (asks_parent(incoming, sender)) {
    Result<std::string> found = co_await channel.parent_of(incoming, Deadline::in(kRolesTimeout));
    if (!found) {
      co_return fail(ErrorKind::unavailable,
                     fmt::format("whether chat {} is a thread is not known: {}", incoming.chat, found.error().message));
    }
    parent = std::move(*found);
  }
  co_return resolve(incoming, sender, held, std::move(parent));
}

// Threads with ids of their own are a matter of guilds.
bool Admission::asks_parent(const channel::Incoming& incoming, const Sender& sender) const {
  return !incoming.guild.empty() && services_.roles.asks_parent(sender.tenant, incoming.kind);
}

std::shared_ptr<EarlyRow> Admission::begin_resolution(const channel::Incoming& incoming, const std::string& tenant,
                                                      const asio::any_io_executor& loop) const {
  const Sender sender = conversation_of(incoming, tenant).sender;
  if (asks_parent(incoming, sender) || services_.roles.asks_platform(sender, services_.links.joined_to(sender))) {
    return nullptr;
  }
  return EarlyRow::begin(loop, services_.ledger,
                         incoming.sender_id.empty() ? nobody_row(incoming, tenant)
                                                    : resolution_row(incoming, sender, resolve(incoming, sender, {})));
}

Task<Result<void>> Admission::record(const Accepted& accepted, audit::Record row) {
  if (accepted.resolution && accepted.resolution->record() == row) {
    Result<void> written = co_await accepted.resolution->written();
    if (written) co_return written;
  }
  Result<void> written = co_await services_.ledger.append(std::move(row));
  co_return written;
}

}  // namespace usher::gateway
