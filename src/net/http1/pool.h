// Idle connections by endpoint, the last used first. Bounded per endpoint; each is closed when it was idle for too
// long. Event-loop thread.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "net/http1/connection.h"

namespace usher::net {

class Pool final : public IdleKeeper {
 public:
  Pool(std::size_t max_idle_per_endpoint, std::chrono::seconds idle_keep);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // A connection that looks alive, or nullptr.
  std::shared_ptr<Connection> take(const Endpoint& endpoint);
  void park(std::shared_ptr<Connection> connection, const Endpoint& endpoint);
  void clear();
  void forget(Connection& connection) override;

 private:
  struct Bucket {
    Endpoint endpoint;
    std::vector<std::shared_ptr<Connection>> idle;
  };
  Bucket* find(const Endpoint& endpoint);

  std::size_t max_idle_per_endpoint_;
  std::chrono::seconds idle_keep_;
  std::vector<Bucket> buckets_;  // few: searched in order
};

}  // namespace usher::net
