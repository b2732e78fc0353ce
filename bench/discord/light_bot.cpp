#include "light_bot.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <stdexcept>

#include "channels/discord/gateway/inflater.h"
#include "gateway/model.h"

namespace usher::bench {

namespace {

int connect_to(const std::string& url) {
  const std::string host = "127.0.0.1:";
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(url.find(host) + host.size()))));
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("cannot connect to " + url);
  }
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return descriptor;
}

void send_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size <= 0) return;  // whoever reads will notice
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
}

bool receive_more(int descriptor, std::string& input) {
  std::array<char, 65'536> piece;
  const ssize_t size = ::recv(descriptor, piece.data(), piece.size(), 0);
  if (size > 0) input.append(piece.data(), static_cast<std::size_t>(size));
  return size > 0;
}

// A text frame of 126 to 65,535 bytes, masked with zeros.
std::string frame_of(std::string_view text) {
  std::string frame = "\x81\xFE";
  frame += static_cast<char>(text.size() >> 8);
  frame += static_cast<char>(text.size() & 0xFF);
  frame.append(4, '\0');
  return frame.append(text);
}

// What stands behind `"name":"`, up to the next quote; "" when it is not there.
std::string_view string_behind(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(name);
  if (at == std::string_view::npos) return "";
  text.remove_prefix(at + name.size());
  return text.substr(0, text.find('"'));
}

}  // namespace

LightBot::LightBot(const std::string& api_root, const std::string& gateway_url, std::string token)
    : gateway_(connect_to(gateway_url)), api_(connect_to(api_root)), token_(std::move(token)) {
  log_in();
  thread_ = std::thread([this] { run(); });
}

LightBot::~LightBot() {
  ::shutdown(gateway_, SHUT_RDWR);
  ::shutdown(api_, SHUT_RDWR);
  thread_.join();
  ::close(gateway_);
  ::close(api_);
}

double LightBot::cpu_microseconds() const {
  clockid_t clock{};
  ::pthread_getcpuclockid(const_cast<LightBot*>(this)->thread_.native_handle(), &clock);
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

void LightBot::log_in() {
  send_all(gateway_,
           "GET /?v=10&encoding=json&compress=zlib-stream HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
           "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIGxpZ2h0ZXN0IGJvdA==\r\nSec-WebSocket-Version: 13\r\n\r\n");
  while (input_.find("\r\n\r\n") == std::string::npos) {
    if (!receive_more(gateway_, input_)) throw std::runtime_error("the gateway does not answer the light bot");
  }
  input_.erase(0, input_.find("\r\n\r\n") + 4);
  // Guild messages and their content, nothing else.
  send_all(gateway_, frame_of(fmt::format(R"({{"op":2,"d":{{"token":"{}","intents":33280,"properties":{{"os":"linux",)"
                                          R"("browser":"light","device":"light"}}}}}})",
                                          token_)));
}

void LightBot::run() {
  discord::Inflater inflater;
  std::string payload;
  while (receive(payload)) {
    Result<std::optional<std::string>> event = inflater.append(payload);
    if (event && *event) take(**event);
  }
}

bool LightBot::receive(std::string& payload) {
  const auto has = [&](std::size_t size) {
    while (input_.size() < size) {
      if (!receive_more(gateway_, input_)) return false;
    }
    return true;
  };
  if (!has(2)) return false;
  const auto byte = [&](std::size_t at) { return static_cast<std::uint64_t>(static_cast<unsigned char>(input_[at])); };
  std::uint64_t size = byte(1) & 0x7F, head = 2;
  if (size >= 126) {
    head = size == 126 ? 4 : 10;
    if (!has(head)) return false;
    size = 0;
    for (std::size_t i = 2; i < head; ++i) size = size << 8 | byte(i);
  }
  if (!has(head + size)) return false;
  payload = input_.substr(head, size);
  input_.erase(0, head + size);
  return true;
}

// Its own words come back too, under a name of their own.
void LightBot::take(const std::string& event) {
  if (event.find(R"("t":"MESSAGE_CREATE")") == std::string::npos) return;
  if (event.find(R"("bot":true},"timestamp")") != std::string::npos) return;
  const std::string_view content = string_behind(event, R"("content":")");
  const std::size_t ticket = content.find(ticket_mark);
  if (ticket != std::string_view::npos) answer(string_behind(event, R"("channel_id":")"), content.substr(ticket));
}

void LightBot::answer(std::string_view channel, std::string_view words) {
  const std::string body = fmt::format(R"({{"content":"{}"}})", words);
  send_all(api_,
           fmt::format("POST /api/v10/channels/{}/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bot {}\r\n"
                       "User-Agent: DiscordBot (light, 1)\r\nContent-Type: application/json\r\n"
                       "Content-Length: {}\r\n\r\n{}",
                       channel, token_, body.size(), body));
  std::string reply;
  while (true) {  // a head and its body
    const std::size_t end = reply.find("\r\n\r\n");
    const std::int64_t size = number_after_last(std::string_view(reply).substr(0, end), "Content-Length: ");
    const bool is_whole = end != std::string::npos && reply.size() >= end + 4 + static_cast<std::size_t>(size);
    if (is_whole || !receive_more(api_, reply)) return;
  }
}

}  // namespace usher::bench
