// The server and the client over a Unix socket.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>

#include "net/http_client.h"
#include "net/http_server_fixture.h"
#include "support/run_task.h"
#include "support/temp_dir.h"

namespace usher::net {
namespace {

using testing::run_task;
using testing::TempDir;
namespace fs = std::filesystem;

Result<HttpResponse> ask(const fs::path& file, std::string body = "hello") {
  asio::io_context loop(1);
  auto client = make_http_client(loop.get_executor());
  const Endpoint endpoint{.host = "localhost", .port = 80, .socket_file = file.native()};
  HttpRequest request{.endpoint = &endpoint, .target = "/path", .body = std::move(body)};
  return run_task(loop, client->send(std::move(request), Deadline::in(10s)));
}

std::string answer_of(const fs::path& file) {
  Result<HttpResponse> response = ask(file);
  return response ? response->body : response.error().message;
}

TEST_CASE("a request over a Unix socket is served as one over TCP is") {
  TempDir dir;
  ServerFixture server({.socket_file = dir / "usher.sock"});
  server.service.respond = [](RequestHead head, std::string body, Deadline) -> Task<ServerResponse> {
    co_return ServerResponse{.body = head.peer + " " + body};
  };
  server.start();
  CHECK(answer_of(dir / "usher.sock") == "unix hello");
  CHECK(server.port() == 0);
  Result<HttpResponse> large = ask(dir / "usher.sock", std::string(5000, 'x'));
  REQUIRE(large);
  CHECK(large->status == 413);  // the server's bounds hold here too
}

TEST_CASE("the socket file is private whatever the umask") {
  TempDir dir;
  const mode_t before = ::umask(0);
  ServerFixture server({.socket_file = dir / "usher.sock"});
  ::umask(before);
  struct stat info{};
  REQUIRE(::stat((dir / "usher.sock").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
}

TEST_CASE("a socket that a killed process left is replaced, and removed when the server stops") {
  TempDir dir;
  const fs::path file = dir / "usher.sock";
  const int left = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  file.native().copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(::bind(left, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  ::close(left);
  {
    ServerFixture server({.socket_file = file});
    server.start();
    CHECK(answer_of(file) == "POST /path hello");
  }
  CHECK_FALSE(fs::exists(file));
  CHECK_FALSE(ask(file));
}

TEST_CASE("what is no socket is not removed for one") {
  TempDir dir;
  std::ofstream(dir / "usher.sock") << "somebody's notes";
  TestService service;
  asio::io_context loop;
  const auto made = make_http_server(loop.get_executor(), {.socket_file = dir / "usher.sock"}, service);
  REQUIRE_FALSE(made);
  CHECK(made.error().kind == ErrorKind::unavailable);
  CHECK(fs::file_size(dir / "usher.sock") == 16);
}

TEST_CASE("a path that is longer than the kernel takes is reached all the same") {
  TempDir dir;
  const fs::path deep = dir / std::string(100, 'd') / std::string(100, 'e');
  fs::create_directories(deep);
  ServerFixture server({.socket_file = deep / "usher.sock"});
  server.start();
  CHECK(answer_of(deep / "usher.sock") == "POST /path hello");
}

// Needs another user to be: without root the kernel keeps everybody else out by the file's mode alone.
TEST_CASE("another user is disconnected without an answer, even where the file lets them in") {
  if (::geteuid() != 0) return;
  TempDir dir;
  const fs::path file = dir / "usher.sock";
  ServerFixture server({.socket_file = file});
  server.start();
  fs::permissions(dir.path(), fs::perms::all);
  fs::permissions(file, fs::perms::all);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(10);
    const int stranger = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    file.native().copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(stranger, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) ::_exit(11);
    constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    (void)::send(stranger, request.data(), request.size(), MSG_NOSIGNAL);
    char byte;
    ::_exit(::recv(stranger, &byte, 1, 0) > 0 ? 12 : 0);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(answer_of(file) == "POST /path hello");
  CHECK(server.service.admitted == 1);
}

}  // namespace
}  // namespace usher::net
