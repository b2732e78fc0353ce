// Where messages come in: each batch is committed, once for each exact platform id, while the ledger's rows of who its
// senders are go to disk beside it; what was not known yet goes to the dispatcher. Event-loop thread. What it is given
// outlives it, and it outlives the channels that it takes from.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/async.h"
#include "channel/channel.h"
#include "gateway/dispatch/dispatcher.h"
#include "gateway/intake/backlog.h"
#include "gateway/journal.h"
#include "gateway/turn/admission.h"

namespace usher::gateway {

class Inbox {
 public:
  Inbox(asio::any_io_executor loop, Journal& journal, Admission& admission, Backlog& backlog, Dispatcher& dispatcher);

  // What channel::Intake promises: resolves when the whole batch is committed or was known already. Fails with io
  // (disk), limit (full) or cancelled (closed).
  Task<Result<channel::TakenIn>> take_in(channel::Channel& channel, std::vector<channel::Incoming> batch);
  // Whether that many messages more would be taken from that channel; errors as of take_in.
  Result<void> check_room(const channel::Channel& channel, std::size_t more) const;
  // Why nothing could be committed the last time; "" when it could.
  const std::string& storage_trouble() const { return storage_trouble_; }
  // Takes nothing in any more; a batch that is being committed still goes on.
  void close() { is_closed_ = true; }

 private:
  using EarlyRows = std::unordered_map<std::string, std::shared_ptr<EarlyRow>>;  // by platform id
  EarlyRows begin_rows(const channel::Channel& channel, const std::vector<channel::Incoming>& batch);

  asio::any_io_executor loop_;
  Journal& journal_;
  Admission& admission_;
  Backlog& backlog_;
  Dispatcher& dispatcher_;
  // Of each channel's last batch when it could not be accepted: it is offered again.
  std::unordered_map<const channel::Channel*, EarlyRows> offered_;
  std::string storage_trouble_;
  bool is_closed_ = false;
};

}  // namespace usher::gateway
