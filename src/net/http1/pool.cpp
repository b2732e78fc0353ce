#include "net/http1/pool.h"

#include <algorithm>
#include <utility>

namespace usher::net {

namespace {

bool is_same(const Endpoint& a, const Endpoint& b) {
  return a.port == b.port && a.is_tls == b.is_tls && a.host == b.host && a.socket_file == b.socket_file;
}

}  // namespace

Pool::Pool(std::size_t max_idle_per_endpoint, std::chrono::seconds idle_keep)
    : max_idle_per_endpoint_(max_idle_per_endpoint), idle_keep_(idle_keep) {}

Pool::~Pool() { clear(); }

Pool::Bucket* Pool::find(const Endpoint& endpoint) {
  const auto found = std::ranges::find_if(buckets_, [&](const Bucket& b) { return is_same(b.endpoint, endpoint); });
  return found == buckets_.end() ? nullptr : &*found;
}

std::shared_ptr<Connection> Pool::take(const Endpoint& endpoint) {
  Bucket* bucket = find(endpoint);
  if (!bucket) return nullptr;
  while (!bucket->idle.empty()) {
    std::shared_ptr<Connection> connection = std::move(bucket->idle.back());
    bucket->idle.pop_back();
    connection->park_in(nullptr);
    if (connection->is_fresh()) return connection;
  }
  return nullptr;
}

void Pool::park(std::shared_ptr<Connection> connection, const Endpoint& endpoint) {
  Bucket* bucket = find(endpoint);
  if (!bucket) {
    std::erase_if(buckets_, [](const Bucket& b) { return b.idle.empty(); });
    bucket = &buckets_.emplace_back(Bucket{endpoint, {}});
  }
  if (bucket->idle.size() >= max_idle_per_endpoint_) return;
  connection->give_until(std::chrono::steady_clock::now() + idle_keep_);
  connection->park_in(this);
  connection->shrink();
  bucket->idle.push_back(std::move(connection));
}

void Pool::clear() {
  for (Bucket& bucket : buckets_) {
    for (const std::shared_ptr<Connection>& connection : bucket.idle) {
      connection->park_in(nullptr);
      connection->close();
    }
  }
  buckets_.clear();
}

void Pool::forget(Connection& connection) {
  for (Bucket& bucket : buckets_) {
    std::erase_if(bucket.idle, [&](const std::shared_ptr<Connection>& idle) { return idle.get() == &connection; });
  }
}

}  // namespace usher::net
