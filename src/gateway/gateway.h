// The orchestrator: takes messages from channels, commits them, runs their turns (serial within a conversation, fair
// across all), and hands each reply to the outbox. Goes on with what an earlier process left. Event-loop thread only.
// Lifetime: built by the composition root after everything in Services and destroyed before it; run() has ended by
// then.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/async.h"
#include "channel/channel.h"
#include "gateway/services.h"

namespace usher::gateway {

struct Bounds {
  // Messages accepted and not done, their replies not delivered yet included; beyond it channels wait: all of them at
  // the first bound, one alone at the second, so that a platform that takes no replies does not silence the others.
  std::size_t max_unfinished = 4096;
  std::size_t max_unfinished_of_channel = 2048;
  std::size_t max_running = 256;  // turns at once
  std::size_t max_sending = 256;  // replies at once
};

class Gateway {
 public:
  Gateway(asio::any_io_executor loop, const Services& services, Bounds bounds = {});
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // Before run(). Names are unique.
  void add(std::unique_ptr<channel::Channel> channel);

  // Finishes what an earlier process left, then serves until shut_down() or until every channel has ended by itself and
  // all turns are done. Fails when the journal cannot be read.
  Task<Result<void>> run();

  // Whether messages are accepted and answered now: unavailable with the reason while starting, stopping, with a full
  // inbox or a disk that takes nothing, or when a channel is not well.
  Result<void> readiness() const;

  // Stops intake at once; turns that run may finish within `grace`, and their replies leave; the rest is parked in the
  // journal for the next start.
  void shut_down(std::chrono::seconds grace);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace usher::gateway
