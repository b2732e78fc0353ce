#include "net/http1/pool.h"

#include <doctest/doctest.h>

#include <boost/asio/ip/tcp.hpp>

#include "net/fixture.h"

namespace usher::net {

namespace {

std::shared_ptr<Connection> connected(Fixture& f) {
  auto connection = std::make_shared<Connection>(f.loop.get_executor());
  connection->socket().connect(
      StreamEndpoint(asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), f.endpoint.port)));
  return connection;
}

}  // namespace

TEST_CASE("the last parked connection is the first taken, and only for its endpoint") {
  Fixture f({HttpReply{}});
  Pool pool(8, std::chrono::seconds(50));
  const std::shared_ptr<Connection> first = connected(f), second = connected(f);
  pool.park(first, f.endpoint);
  pool.park(second, f.endpoint);
  Endpoint other = f.endpoint;
  other.is_tls = true;
  CHECK(pool.take(other) == nullptr);
  other = f.endpoint;
  other.host = "localhost";
  CHECK(pool.take(other) == nullptr);
  CHECK(pool.take(f.endpoint) == second);
  CHECK(pool.take(f.endpoint) == first);
  CHECK(pool.take(f.endpoint) == nullptr);
}

TEST_CASE("a connection that was idle for too long is closed and let go") {
  Fixture f({HttpReply{}});
  Pool pool(8, std::chrono::seconds(0));
  std::shared_ptr<Connection> connection = connected(f);
  const std::weak_ptr<Connection> watched = connection;
  pool.park(std::move(connection), f.endpoint);
  CHECK_FALSE(watched.expired());
  run_task(f.loop, sleep_for(std::chrono::milliseconds(5)));
  CHECK(watched.expired());
}

TEST_CASE("idle connections are bounded and clear() closes them") {
  Fixture f({HttpReply{}});
  Pool pool(1, std::chrono::seconds(50));
  std::shared_ptr<Connection> first = connected(f), second = connected(f);
  pool.park(first, f.endpoint);
  pool.park(second, f.endpoint);
  pool.clear();
  CHECK_FALSE(first->is_open());
  CHECK(second.use_count() == 1);
  CHECK(pool.take(f.endpoint) == nullptr);
}

}  // namespace usher::net
