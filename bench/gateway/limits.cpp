#include "limits.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "light_server.h"
#include "support/child.h"
#include "support/statistics.h"

namespace usher::bench {

namespace {

constexpr int commits = 200;
constexpr int single_exchanges = 5000;
constexpr int parallel_exchanges = 50'000;

double commit_time(const std::filesystem::path& directory) {
  std::filesystem::path file = directory / "fsync-probe";
  int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor < 0) throw std::runtime_error("cannot write " + file.string());
  std::array<char, 4096> page{};
  auto commit = [&](int number) {
    off_t at = static_cast<off_t>(number) * static_cast<off_t>(page.size());
    bool is_good = ::pwrite(descriptor, page.data(), page.size(), at) == static_cast<ssize_t>(page.size());
    if (!is_good || ::fdatasync(descriptor) != 0) throw std::runtime_error("cannot sync " + file.string());
  };
  commit(commits);  // the file has its size from here on, as a write-ahead log has once it was wrapped
  for (int i = 0; i < commits; ++i) (void)!::pwrite(descriptor, page.data(), page.size(), i * 4096L);
  ::fdatasync(descriptor);
  std::vector<double> samples;
  for (int i = 0; i < commits; ++i) {
    Clock::time_point start = Clock::now();
    commit(i);
    samples.push_back(microseconds_between(start, Clock::now()));
  }
  ::close(descriptor);
  std::filesystem::remove(file);
  return median(std::move(samples));
}

// A LightServer on a thread of its own that says "ok".
class Echo {
 public:
  Echo() {
    port_ = server_.listen([this](const LightRequest& request) { server_.reply(request.connection, "ok"); });
    thread_ = std::thread([this] {
      while (!ends_) server_.poll(std::chrono::milliseconds(20));
    });
  }
  ~Echo() {
    ends_ = true;
    thread_.join();
  }
  int connect() const {
    int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);
    if (::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot connect over loopback");
    }
    int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return descriptor;
  }

 private:
  LightServer server_;
  std::uint16_t port_ = 0;
  std::atomic<bool> ends_ = false;
  std::thread thread_;
};

constexpr std::string_view request = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";

void send_request(int descriptor) { (void)!::send(descriptor, request.data(), request.size(), MSG_NOSIGNAL); }
void receive_answer(int descriptor) {
  std::array<char, 512> answer;
  (void)!::recv(descriptor, answer.data(), answer.size(), 0);
}

void measure_single(const Echo& echo, MachineLimits& limits) {
  int descriptor = echo.connect();
  std::vector<double> samples;
  for (int i = 0; i < single_exchanges; ++i) {
    Clock::time_point start = Clock::now();
    send_request(descriptor);
    receive_answer(descriptor);
    samples.push_back(microseconds_between(start, Clock::now()));
  }
  ::close(descriptor);
  limits.round_trip_us = median(std::move(samples));
}

double thread_cpu_us() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

void measure_parallel(const Echo& echo, int connections, MachineLimits& limits) {
  std::vector<pollfd> sockets;
  for (int i = 0; i < connections; ++i) sockets.push_back({echo.connect(), POLLIN, 0});
  double cpu = thread_cpu_us();
  Clock::time_point start = Clock::now();
  int sent = connections, done = 0;
  for (const pollfd& socket : sockets) send_request(socket.fd);
  while (done < parallel_exchanges) {
    ::poll(sockets.data(), sockets.size(), -1);
    for (const pollfd& socket : sockets) {
      if (!(socket.revents & POLLIN)) continue;
      receive_answer(socket.fd);
      ++done;
      if (sent < parallel_exchanges) {
        send_request(socket.fd);
        ++sent;
      }
    }
  }
  limits.round_trips_per_s = done * 1e6 / microseconds_between(start, Clock::now());
  limits.client_cpu_us = (thread_cpu_us() - cpu) / done;
  for (const pollfd& socket : sockets) ::close(socket.fd);
}

double start_time() {
  std::vector<double> samples;
  for (int i = 0; i < 20; ++i) {
    Clock::time_point start = Clock::now();
    Child child({"true"}, {}, "/dev/null");
    while (child.is_running()) std::this_thread::yield();
    samples.push_back(microseconds_between(start, Clock::now()));
  }
  return median(std::move(samples));
}

double bare_resident_megabytes() {
  Child child({"sleep", "60"}, {}, "/dev/null");
  double previous = -1, now = child.resident_megabytes();
  while (now != previous) {  // until it has loaded itself
    ::usleep(20'000);
    previous = now;
    now = child.resident_megabytes();
  }
  return now;
}

}  // namespace

MachineLimits measure_limits(const std::filesystem::path& directory, int connections) {
  MachineLimits limits;
  limits.commit_us = commit_time(directory);
  {
    Echo echo;
    measure_single(echo, limits);
    measure_parallel(echo, connections, limits);
  }
  limits.start_us = start_time();
  limits.bare_resident_mb = bare_resident_megabytes();
  return limits;
}

}  // namespace usher::bench
