#include "light_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <system_error>

namespace usher::bench {

namespace {

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

// The value of Content-Length in a head; 0 without one. Our client writes the name in this case or in lower case.
std::size_t content_length(std::string_view head) {
  for (std::string_view name : {"\r\nContent-Length:", "\r\ncontent-length:"}) {
    std::size_t at = head.find(name);
    if (at == std::string_view::npos) continue;
    at += name.size();
    while (at < head.size() && head[at] == ' ') ++at;
    std::size_t value = 0;
    std::from_chars(head.data() + at, head.data() + head.size(), value);
    return value;
  }
  return 0;
}

}  // namespace

LightServer::LightServer() : epoll_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {}

LightServer::~LightServer() {
  for (auto& [descriptor, connection] : connections_) ::close(descriptor);
  for (auto& [descriptor, handler] : listeners_) ::close(descriptor);
  ::close(epoll_);
}

std::uint16_t LightServer::listen(Handler handler) {
  int listener = checked(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  checked(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), "bind");
  checked(::listen(listener, 1024), "listen");
  socklen_t size = sizeof address;
  checked(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
  listeners_[listener] = std::make_unique<Handler>(std::move(handler));
  watch(listener, EPOLLIN, EPOLL_CTL_ADD);
  return ntohs(address.sin_port);
}

void LightServer::watch(int descriptor, std::uint32_t events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.fd = descriptor;
  checked(::epoll_ctl(epoll_, operation, descriptor, &event), "epoll_ctl");
}

void LightServer::poll(std::chrono::milliseconds timeout) {
  std::array<epoll_event, 256> events;
  int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), static_cast<int>(timeout.count()));
  for (int i = 0; i < count; ++i) {
    int descriptor = events[static_cast<std::size_t>(i)].data.fd;
    if (listeners_.contains(descriptor)) {
      accept_all(descriptor);
      continue;
    }
    auto found = connections_.find(descriptor);
    if (found != connections_.end() && (events[static_cast<std::size_t>(i)].events & EPOLLOUT)) {
      watch(descriptor, EPOLLIN, EPOLL_CTL_MOD);
      flush(descriptor, found->second);
    }
    if (events[static_cast<std::size_t>(i)].events & ~static_cast<unsigned>(EPOLLOUT)) read_all(descriptor);
  }
}

void LightServer::accept_all(int listener) {
  while (true) {
    int descriptor = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) return;
    int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connections_[descriptor] = Connection{listeners_[listener].get(), "", ""};
    watch(descriptor, EPOLLIN, EPOLL_CTL_ADD);
  }
}

void LightServer::read_all(int descriptor) {
  auto found = connections_.find(descriptor);
  if (found == connections_.end()) return;
  std::array<char, 65536> piece;
  while (true) {
    ssize_t size = ::recv(descriptor, piece.data(), piece.size(), 0);
    if (size == 0 || (size < 0 && errno != EAGAIN)) return close(descriptor);
    if (size < 0) break;
    found->second.input.append(piece.data(), static_cast<std::size_t>(size));
    if (static_cast<std::size_t>(size) < piece.size()) break;
  }
  while (handle_next(descriptor, found->second)) {
  }
}

bool LightServer::handle_next(int descriptor, Connection& connection) {
  std::size_t head_end = connection.input.find("\r\n\r\n");
  if (head_end == std::string::npos) return false;
  std::string_view head = std::string_view(connection.input).substr(0, head_end + 2);
  std::size_t total = head_end + 4 + content_length(head);
  if (connection.input.size() < total) return false;
  std::string request = connection.input.substr(0, total);  // the handler may answer at once and feed new input
  connection.input.erase(0, total);
  std::string_view line = std::string_view(request).substr(0, request.find("\r\n"));
  std::size_t start = line.find(' ') + 1;
  (*connection.handler)(
      {descriptor, line.substr(start, line.rfind(' ') - start), std::string_view(request).substr(head_end + 4)});
  return connections_.contains(descriptor);
}

void LightServer::reply(ConnectionId descriptor, std::string_view body, const char* content_type) {
  auto found = connections_.find(descriptor);
  if (found == connections_.end()) return;
  fmt::format_to(std::back_inserter(found->second.output),
                 "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{}", content_type, body.size(),
                 body);
  flush(descriptor, found->second);
}

void LightServer::flush(int descriptor, Connection& connection) {
  while (!connection.output.empty()) {
    ssize_t size = ::send(descriptor, connection.output.data(), connection.output.size(), MSG_NOSIGNAL);
    if (size < 0) {
      if (errno == EAGAIN) watch(descriptor, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
      return;  // any other error shows again when it is read
    }
    connection.output.erase(0, static_cast<std::size_t>(size));
  }
}

void LightServer::close(int descriptor) {
  connections_.erase(descriptor);
  ::close(descriptor);
}

}  // namespace usher::bench
