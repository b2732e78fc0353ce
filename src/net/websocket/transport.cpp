#include "net/websocket/transport.h"

#include <algorithm>
#include <array>

namespace usher::net {

namespace {

using ErrorCode = boost::system::error_code;

constexpr std::chrono::seconds max_linger_time{1};
constexpr std::size_t max_linger_bytes = 4u << 20;

struct Lingering {
  std::shared_ptr<Connection> connection;
  std::move_only_function<void()> done;
  std::size_t left = max_linger_bytes;
  std::array<char, 4096> scratch;

  static void go_on(std::shared_ptr<Lingering> self) {
    // Below TLS: nobody reads what it would decrypt.
    StreamSocket& socket = self->connection->socket();
    const asio::mutable_buffer scratch = asio::buffer(self->scratch);
    socket.async_read_some(scratch, [self = std::move(self)](ErrorCode error, std::size_t got) mutable {
      self->left -= std::min(self->left, got);
      if (!error && self->left > 0) return go_on(std::move(self));
      self->connection->close();
      self->done();
    });
  }
};

}  // namespace

void Transport::linger(std::move_only_function<void()> done) {
  connection_->give_until(std::chrono::steady_clock::now() + max_linger_time);
  ErrorCode ignored;
  connection_->socket().shutdown(asio::socket_base::shutdown_send, ignored);
  auto lingering = std::make_shared<Lingering>();
  lingering->connection = connection_;
  lingering->done = std::move(done);
  Lingering::go_on(std::move(lingering));
}

}  // namespace usher::net
