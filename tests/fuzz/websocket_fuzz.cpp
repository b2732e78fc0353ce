// links: base net
// Bytes as the frames of a WebSocket server: whatever the pieces in which they arrive, the same messages come out,
// within the bound and in valid UTF-8, then the same end.
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sys/socket.h>
#include <unistd.h>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"
#include "net/websocket/client_stream.h"

namespace {

using usher::net::ClientStream;
using usher::net::Connection;
using usher::net::WebSocketMessage;
using ErrorCode = ClientStream::ErrorCode;

constexpr std::size_t max_message_bytes = 300;

void must(bool holds) {
  if (!holds) std::abort();
}

std::string accept_for(std::string_view head) {
  constexpr std::string_view name = "Sec-WebSocket-Key: ";
  std::string key(head.substr(head.find(name) + name.size(), 24));
  key += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[SHA_DIGEST_LENGTH], text[32];
  SHA1(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest);
  const int size = EVP_EncodeBlock(text, digest, sizeof digest);
  return std::string(reinterpret_cast<char*>(text), static_cast<std::size_t>(size));
}

// A client over one end of a pair of sockets; the other is ours.
class Talk {
 public:
  Talk() {
    int ends[2];
    must(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    server_ = ends[1];
    auto connection = std::make_shared<Connection>(loop_.get_executor());
    connection->socket().assign({AF_UNIX, 0}, ends[0]);
    stream_ = usher::net::make_client_stream(std::move(connection), max_message_bytes);
    upgrade();
  }
  ~Talk() {
    stream_->abandon();
    stream_.reset();
    loop_.poll();
    ::close(server_);
  }

  std::string messages_in(std::string_view bytes, std::size_t piece_bytes) {
    read_on();
    loop_.restart();
    for (; !bytes.empty() && !end_; bytes.remove_prefix(std::min(piece_bytes, bytes.size()))) {
      write(bytes.substr(0, piece_bytes));
      loop_.poll();
    }
    ::shutdown(server_, SHUT_WR);
    loop_.restart();
    while (!end_ && loop_.run_one() > 0) {
    }
    must(end_.has_value());
    const auto close = stream_->peer_close(*end_);
    if (close) {
      must(close->code >= 1000 && close->reason.size() <= 123);
      return told_ + std::to_string(close->code) + close->reason;
    }
    return told_ + end_->message();
  }

 private:
  void upgrade() {
    std::optional<ErrorCode> outcome;
    stream_->upgrade({.host = "h", .target = "/"}, [&outcome](ErrorCode error) { outcome = error; });
    loop_.poll();
    char head[4096];
    const ssize_t got = ::recv(server_, head, sizeof head, 0);
    must(got > 0);
    write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: " +
          accept_for({head, static_cast<std::size_t>(got)}) + "\r\n\r\n");
    loop_.restart();
    while (!outcome) loop_.run_one();
    must(!*outcome);
  }
  void write(std::string_view bytes) {
    must(::send(server_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
         static_cast<ssize_t>(bytes.size()));
  }
  void read_on() {
    stream_->read([this](ErrorCode error) {
      if (error) {
        end_ = error;
        return;
      }
      const WebSocketMessage message = stream_->take_message();
      must(message.data.size() <= max_message_bytes);
      must(!message.is_text || usher::is_valid_utf8(message.data));
      told_ += (message.is_text ? "text " : "binary ") + message.data + '\n';
      read_on();
    });
  }

  boost::asio::io_context loop_{1};
  int server_ = -1;
  std::shared_ptr<ClientStream> stream_;
  std::string told_;
  std::optional<ErrorCode> end_;
};

std::string messages_in(std::string_view bytes, std::size_t piece_bytes) {
  return Talk().messages_in(bytes, piece_bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || size > 4096) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  must(messages_in(bytes, bytes.size() + 1) == messages_in(bytes, 1 + data[0] % 16));
  return 0;
}
