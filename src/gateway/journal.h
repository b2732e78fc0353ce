// What the gateway must not lose: every accepted message until it is answered. A message is committed here before its
// platform is told that it arrived, and its reply before it is sent. Event-loop thread; every wait ends with a commit
// (synchronous=FULL) or an error, and on an error nothing was stored.
//
//   received ──▶ replying (reply text stored) ──▶ done
//
// The SQLite implementation is <data_dir>/gateway.db, written by one thread in group commits.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/clock.h"
#include "base/result.h"
#include "channel/channel.h"

namespace usher::gateway {

using MessageId = std::int64_t;

// A message that was accepted and not yet done.
struct Accepted {
  MessageId id = 0;
  channel::Incoming incoming;
  std::string reply;         // set when is_replying
  bool is_replying = false;  // the turn is over, its reply may or may not have reached the platform
};

class Journal {
 public:
  virtual ~Journal() = default;

  // Commits the batch; returns those that were not known yet by (channel, platform_id), in order.
  virtual Task<Result<std::vector<Accepted>>> accept(std::vector<channel::Incoming> batch) = 0;
  // Commits the reply of a finished turn.
  virtual Task<Result<void>> store_reply(MessageId id, std::string reply) = 0;
  // The reply arrived, or never will. Not waited for: written with the next commit, 10 ms later at most. A crash in
  // between sends the reply once more.
  virtual void mark_done(MessageId id) = 0;
  // Everything not done, oldest first: what a restart has to finish. Call once, before accept.
  virtual Task<Result<std::vector<Accepted>>> unfinished() = 0;
  // Writes out marks that still wait. Call before destruction.
  virtual Task<Result<void>> flush() = 0;
};

// Creates the file (0600). Opening blocks: call it before the loop runs. `clock` must outlive the journal.
Result<std::unique_ptr<Journal>> open_journal(const std::filesystem::path& file, asio::any_io_executor loop,
                                              const Clock& clock);

}  // namespace usher::gateway
