#include "channels/console/console.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fstream>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "channels/console/terminal_text.h"
#include "support/fakes/fake_passage.h"
#include "support/run_task.h"
#include "support/temp_dir.h"

using namespace usher;
using namespace std::chrono_literals;

namespace {

struct Descriptor {
  explicit Descriptor(int d = -1) : value(d) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  void close() {
    if (value >= 0) ::close(value);
    value = -1;
  }
  void write(std::string_view bytes) const {
    REQUIRE(::write(value, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  // What can be read now, or arrives within a moment.
  std::string read_some(int wait_ms = 200) const {
    struct pollfd wait{value, POLLIN, 0};
    std::string out;
    while (::poll(&wait, 1, out.empty() ? wait_ms : 0) > 0) {
      char piece[4096];
      const ssize_t size = ::read(value, piece, sizeof piece);
      if (size <= 0) break;
      out.append(piece, static_cast<std::size_t>(size));
    }
    return out;
  }
  int value;
};

struct Pipe {
  Pipe() {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    from.value = ends[0];
    to.value = ends[1];
  }
  Descriptor from, to;
};

// A pseudo-terminal in raw mode: what the person's side writes arrives as it is.
struct Terminal {
  Terminal() {
    person.value = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(person.value >= 0);
    REQUIRE(::grantpt(person.value) == 0);
    REQUIRE(::unlockpt(person.value) == 0);
    program.value = ::open(::ptsname(person.value), O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(program.value >= 0);
    termios mode{};
    ::tcgetattr(program.value, &mode);
    mode.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    mode.c_oflag &= ~static_cast<tcflag_t>(OPOST);
    ::tcsetattr(program.value, TCSANOW, &mode);
  }
  Descriptor person, program;
};

struct Fixture {
  Fixture(int input, int output, std::function<void(console::ConsoleOptions&)> change = {}) {
    console::ConsoleOptions options;
    options.input = input;
    options.output = output;
    if (change) change(options);
    channel = console::make_console(options);
  }
  void start() {
    is_running = true;
    asio::co_spawn(loop,
                   channel->run([this](std::vector<channel::Incoming> batch) { return take(this, std::move(batch)); }),
                   [this](std::exception_ptr) { is_running = false; });
  }
  static Task<Result<channel::TakenIn>> take(Fixture* self, std::vector<channel::Incoming> batch) {
    ++self->offers;
    if (self->refusals > 0) {
      --self->refusals;
      co_return fail(ErrorKind::limit, "full");
    }
    for (channel::Incoming& message : batch) self->taken.push_back(std::move(message));
    co_return channel::TakenIn{.fresh = batch.size()};
  }
  bool run_until(const std::function<bool()>& done) {
    for (int i = 0; i < 1000; ++i) {
      if (done()) return true;
      loop.restart();
      loop.run_one_for(5ms);
    }
    return false;
  }
  void send(const std::string& text) {
    const channel::Outgoing message{.chat = "local", .text = text, .idempotency = "1"};
    usher::testing::FakePassage passage;
    const auto sent = usher::testing::run_task(loop, channel->send(message, passage, Deadline::in(1s)));
    CHECK(sent == channel::Delivery::sent);
  }
  std::vector<std::string> texts() const {
    std::vector<std::string> out;
    for (const channel::Incoming& message : taken) out.push_back(message.text);
    return out;
  }

  asio::io_context loop{1};
  std::unique_ptr<channel::Channel> channel;
  bool is_running = false;
  int offers = 0, refusals = 0;
  std::vector<channel::Incoming> taken;
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("each line of a pipe is one message of console:local, and the end of it ends run()") {
  Pipe in, out;
  Fixture f(in.from.value, out.to.value);
  f.start();
  in.to.write("hello\r\n\n   \nsecond line\nwithout an end");
  in.to.close();
  REQUIRE(f.run_until([&] { return !f.is_running; }));
  CHECK(f.texts() == Texts{"hello", "second line", "without an end"});
  std::set<std::string> ids;
  for (const channel::Incoming& message : f.taken) {
    CHECK(message.kind == "console");
    CHECK(message.sender_id == "local");
    CHECK_FALSE(message.is_group);
    ids.insert(message.platform_id);
  }
  CHECK(ids.size() == 3);
  CHECK(out.from.read_some(0) == "");  // no prompt on a pipe
  f.send("still \x1b[1mprints");
  CHECK(out.from.read_some() == "still \x1b[1mprints\n");
}

TEST_CASE("a regular file, an empty one and /dev/null are read to their ends") {
  usher::testing::TempDir directory;
  std::ofstream(directory / "lines") << "one\ntwo";
  std::ofstream(directory / "empty");
  const std::vector<std::pair<std::string, Texts>> cases = {
      {(directory / "lines").string(), {"one", "two"}}, {(directory / "empty").string(), {}}, {"/dev/null", {}}};
  for (const auto& [path, expected] : cases) {
    CAPTURE(path);
    Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    Pipe out;
    Fixture f(file.value, out.to.value);
    f.start();
    CHECK(f.run_until([&] { return !f.is_running; }));
    CHECK(f.texts() == expected);
  }
}

TEST_CASE("a socket is read, and left in the mode it was in") {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  Descriptor ours(ends[0]), theirs(ends[1]);
  Pipe out;
  const int flags = ::fcntl(ours.value, F_GETFL);
  Fixture f(ours.value, out.to.value);
  f.start();
  theirs.write("hi\n");
  REQUIRE(f.run_until([&] { return f.taken.size() == 1; }));
  f.channel->stop();
  REQUIRE(f.run_until([&] { return !f.is_running; }));
  CHECK(::fcntl(ours.value, F_GETFL) == flags);
}

TEST_CASE("a line over the bound is refused once and the next one is read") {
  Pipe in, out;
  Fixture f(in.from.value, out.to.value, [](console::ConsoleOptions& o) { o.max_line_bytes = 1000; });
  f.start();
  in.to.write(std::string(1000, 'a') + "\n" + std::string(50'000, 'b') + "\n" + std::string(1001, 'c') + "\nnext\n");
  in.to.close();
  REQUIRE(f.run_until([&] { return !f.is_running; }));
  CHECK(f.texts() == Texts{std::string(1000, 'a'), "next"});
  const std::string notice = "This line is too long (1000 bytes at most).\n";
  CHECK(out.from.read_some() == notice + notice);
}

TEST_CASE("a line that the inbox refuses is offered again before the next is read") {
  Pipe in, out;
  Fixture f(in.from.value, out.to.value);
  f.refusals = 1;
  in.to.write("one\ntwo\n");
  f.start();
  REQUIRE(f.run_until([&] { return f.offers == 1; }));
  CHECK_FALSE(f.channel->health().empty());
  REQUIRE(f.run_until([&] { return f.taken.size() == 2; }));
  CHECK(f.texts() == Texts{"one", "two"});
  CHECK(f.channel->health() == "");
  f.channel->stop();
  CHECK(f.run_until([&] { return !f.is_running; }));
}

TEST_CASE("on a terminal there is a prompt, and its mode is never changed") {
  Terminal t;
  const int flags = ::fcntl(t.program.value, F_GETFL);
  {
    Fixture f(t.program.value, t.program.value);
    f.start();
    REQUIRE(f.run_until([&] { return !t.person.read_some(0).empty(); }));
    t.person.write("hello\n");
    REQUIRE(f.run_until([&] { return f.taken.size() == 1; }));
    CHECK(::fcntl(t.program.value, F_GETFL) == flags);  // also while it is read: our own output shares it
    f.send("an answer");
    CHECK(t.person.read_some() == "an answer\nyou> ");
    t.person.write("\x04");  // Ctrl-D
    CHECK(f.run_until([&] { return !f.is_running; }));
  }
  CHECK(::fcntl(t.program.value, F_GETFL) == flags);
}

TEST_CASE("an answer that was shown while it grew is not printed again") {
  Terminal t;
  Pipe in;
  Fixture f(in.from.value, t.program.value);
  for (const char* piece : {"The answer", " is \xe2\x82", "\xac", "3."})
    f.channel->show_progress({.chat = "local"}, piece);
  f.send("The answer is €3.");
  CHECK(t.person.read_some() == "The answer is €3.\n");
  f.channel->show_progress({.chat = "local"}, "Something el");
  f.send("Sorry, that failed.");
  CHECK(t.person.read_some() == "Something el\nSorry, that failed.\n");
}

TEST_CASE("progress is not shown on a pipe") {
  Pipe in, out;
  Fixture f(in.from.value, out.to.value);
  f.channel->show_progress({.chat = "local"}, "grow");
  f.send("grown");
  CHECK(out.from.read_some() == "grown\n");
}

TEST_CASE("a model cannot drive the terminal") {
  Terminal t;
  Pipe in;
  Fixture f(in.from.value, t.program.value);
  f.send(
      "a\x1b]0;title\x07"
      "b\x1b[2J\rc\x7f\xc2\x9b"
      "d\te\n\xff");
  const std::string shown = t.person.read_some();
  for (char c : {'\x1b', '\x07', '\r', '\x7f'}) CHECK(shown.find(c) == std::string::npos);
  CHECK(shown.find("\xc2\x9b") == std::string::npos);
  CHECK(shown.find("d\te\n") != std::string::npos);
  f.channel->show_progress({.chat = "local"}, "x\x1b");
  f.channel->show_progress({.chat = "local"}, "[2J");
  CHECK(t.person.read_some().find('\x1b') == std::string::npos);
}

TEST_CASE("a piece is shown up to its last whole character") {
  using console::complete_prefix;
  CHECK(complete_prefix("") == 0);
  CHECK(complete_prefix("abc") == 3);
  CHECK(complete_prefix("a\xe2") == 1);
  CHECK(complete_prefix("a\xe2\x82") == 1);
  CHECK(complete_prefix("a\xe2\x82\xac") == 4);
  CHECK(complete_prefix("\xf0\x9f\x98") == 0);
  CHECK(complete_prefix("\x80\x80\x80\x80") == 4);
}
