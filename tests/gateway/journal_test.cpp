#include "gateway/journal.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>

#include "support/manual_clock.h"
#include "support/run_task.h"
#include "support/temp_dir.h"

using namespace usher;
using channel::Incoming;
using gateway::Accepted;
using gateway::Journal;
using testing::run_task;

namespace {

struct Fixture {
  testing::TempDir dir;
  testing::ManualClock clock;
  asio::io_context loop{1};

  std::unique_ptr<Journal> open() {
    auto journal = gateway::open_journal(dir / "gateway.db", loop.get_executor(), clock);
    REQUIRE(journal);
    return std::move(*journal);
  }
  std::vector<Accepted> accept(Journal& journal, std::vector<Incoming> batch) {
    auto fresh = run_task(loop, journal.accept(std::move(batch)));
    REQUIRE(fresh);
    return std::move(*fresh);
  }
  std::vector<Accepted> unfinished(Journal& journal) {
    auto found = run_task(loop, journal.unfinished());
    REQUIRE(found);
    return std::move(*found);
  }
};

// While it lives no file can grow beyond `bytes`.
class FullDisk {
 public:
  explicit FullDisk(std::uintmax_t bytes) {
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit full{bytes, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &full) == 0);
  }
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

Incoming message(const std::string& id, const std::string& channel = "bot") {
  return {
      .channel = channel, .platform_id = id, .kind = "telegram", .sender_id = "1", .chat = "1", .text = "text " + id};
}

}  // namespace

TEST_CASE("an exact platform id is accepted once per channel, whatever its order") {
  Fixture f;
  auto journal = f.open();
  CHECK(f.accept(*journal, {message("100"), message("100"), message("7")}).size() == 2);
  CHECK(f.accept(*journal, {message("7"), message("3"), message("100")}).size() == 1);
  CHECK(f.accept(*journal, {message("100", "other bot")}).size() == 1);
}

TEST_CASE("what was accepted and not done is there after a restart, in order, with its reply when it had one") {
  Fixture f;
  {
    auto journal = f.open();
    auto fresh = f.accept(*journal, {message("1"), message("2"), message("3")});
    REQUIRE(run_task(f.loop, journal->store_reply(fresh[1].id, "the reply")));
    journal->mark_done(fresh[0].id);
  }  // destruction writes the mark
  auto journal = f.open();
  auto left = f.unfinished(*journal);
  REQUIRE(left.size() == 2);
  CHECK(left[0].incoming.platform_id == "2");
  CHECK(left[0].is_replying);
  CHECK(left[0].reply == "the reply");
  CHECK(left[1].incoming.platform_id == "3");
  CHECK_FALSE(left[1].is_replying);
  CHECK(left[1].incoming.text == "text 3");
}

TEST_CASE("done messages are remembered against repeats, and forgotten after two days, as ids may come again") {
  Fixture f;
  auto journal = f.open();
  auto fresh = f.accept(*journal, {message("5")});
  journal->mark_done(fresh[0].id);
  REQUIRE(run_task(f.loop, journal->flush()));
  f.clock.advance(std::chrono::hours(47));
  CHECK(f.accept(*journal, {message("5")}).empty());
  f.clock.advance(std::chrono::hours(2));
  f.accept(*journal, {message("6")});
  CHECK(f.accept(*journal, {message("5")}).size() == 1);
}

TEST_CASE("a message that is not done is never forgotten") {
  Fixture f;
  auto journal = f.open();
  f.accept(*journal, {message("5")});
  f.clock.advance(std::chrono::hours(24 * 30));
  f.accept(*journal, {message("6")});
  CHECK(f.unfinished(*journal).size() == 2);
}

TEST_CASE("a mark that could not be written is written later, so that no reply is sent again") {
  Fixture f;
  auto journal = f.open();
  auto fresh = f.accept(*journal, {message("5")});
  {
    const FullDisk full(std::filesystem::file_size(f.dir / "gateway.db-wal"));
    journal->mark_done(fresh[0].id);
    // Long enough for the marks to be on their way; the property holds either way.
    run_task(f.loop, sleep_for(std::chrono::milliseconds(50)));
    run_task(f.loop, journal->unfinished());
  }
  CHECK(f.unfinished(*journal).size() == 1);
  REQUIRE(run_task(f.loop, journal->flush()));
  CHECK(f.unfinished(*journal).empty());
}

TEST_CASE("the journal's file is readable by its owner alone") {
  Fixture f;
  auto journal = f.open();
  struct stat info{};
  REQUIRE(::stat((f.dir / "gateway.db").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
}
