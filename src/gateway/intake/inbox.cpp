#include "gateway/intake/inbox.h"

#include <utility>

#include "gateway/ledger/early_row.h"

namespace usher::gateway {

Inbox::Inbox(asio::any_io_executor loop, Journal& journal, Admission& admission, Backlog& backlog,
             Dispatcher& dispatcher)
    : loop_(std::move(loop)), journal_(journal), admission_(admission), backlog_(backlog), dispatcher_(dispatcher) {}

Result<void> Inbox::check_room(const channel::Channel& channel, std::size_t more) const {
  if (is_closed_) return fail(ErrorKind::cancelled, "shutting down");
  return backlog_.check_room(channel, more);
}

Task<Result<channel::TakenIn>> Inbox::take_in(channel::Channel& channel, std::vector<channel::Incoming> batch) {
  Result<void> room = check_room(channel, batch.size());
  if (!room) co_return fail(std::move(room.error()));
  const std::size_t size = batch.size();
  backlog_.add(channel, size);
  EarlyRows rows = begin_rows(channel, batch);
  Result<std::vector<Accepted>> fresh = co_await journal_.accept(std::move(batch));
  const std::size_t known = size - (fresh ? fresh->size() : 0);
  backlog_.remove(channel, known);
  storage_trouble_ = fresh ? "" : fresh.error().message;
  if (!fresh) offered_[&channel] = std::move(rows);
  if (!fresh) co_return fail(std::move(fresh.error()));
  for (Accepted& accepted : *fresh) {
    accepted.resolution = std::move(rows[accepted.incoming.platform_id]);
    dispatcher_.enqueue(std::move(accepted), channel);
  }
  co_return channel::TakenIn{.fresh = fresh->size()};
}

// Before the messages are accepted: both are then written at the same time.
Inbox::EarlyRows Inbox::begin_rows(const channel::Channel& channel, const std::vector<channel::Incoming>& batch) {
  EarlyRows rows, offered = std::exchange(offered_[&channel], {});
  for (const channel::Incoming& incoming : batch) {
    const auto known = offered.find(incoming.platform_id);
    rows[incoming.platform_id] = known != offered.end()
                                     ? std::move(known->second)
                                     : admission_.begin_resolution(incoming, channel.tenant(), loop_);
  }
  return rows;
}

}  // namespace usher::gateway
