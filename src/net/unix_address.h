// The address of a Unix socket, whatever the length of its path: the kernel takes 107 bytes, so a longer path is
// reached through its folder, which is held open as /proc/self/fd/N. Any thread; must live until bind() or connect()
// has returned.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <filesystem>
#include <utility>

#include "base/async.h"
#include "base/result.h"

namespace usher::net {

// TCP or Unix: what HTTP runs over.
using StreamSocket = asio::generic::stream_protocol::socket;
using StreamEndpoint = asio::generic::stream_protocol::endpoint;

class UnixAddress {
 public:
  // not_found or io when a long path's folder cannot be opened, invalid when the name alone is too long.
  static Result<UnixAddress> of(const std::filesystem::path& file);

  UnixAddress(UnixAddress&& other) noexcept
      : folder_(std::exchange(other.folder_, -1)), endpoint_(std::move(other.endpoint_)) {}
  UnixAddress& operator=(UnixAddress&&) = delete;
  ~UnixAddress();

  const StreamEndpoint& endpoint() const { return endpoint_; }

 private:
  UnixAddress() = default;
  int folder_ = -1;
  StreamEndpoint endpoint_;
};

}  // namespace usher::net
