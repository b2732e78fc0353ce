#include "gateway/journal.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>

#include "support/manual_clock.h"
#include "support/run_task.h"
#include "support/temp_dir.h"

using namespace usher;
using channel::Incoming;
using gateway::Accepted;
using gateway::Journal;
using gateway::MessageState;
using gateway::Step;
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
    REQUIRE(run_task(f.loop, journal->store_reply(fresh[1].id, {.text = "the reply"}, false)));
    journal->mark_done(fresh[0].id, MessageState::sent);
  }  // destruction writes the mark
  auto journal = f.open();
  auto left = f.unfinished(*journal);
  REQUIRE(left.size() == 2);
  CHECK(left[0].incoming.platform_id == "2");
  CHECK(left[0].state == MessageState::ready);
  CHECK(left[0].reply.text == "the reply");
  CHECK(left[1].incoming.platform_id == "3");
  CHECK(left[1].state == MessageState::received);
  CHECK(left[1].incoming.text == "text 3");
}

TEST_CASE("done messages are remembered against repeats, and forgotten after two days, as ids may come again") {
  Fixture f;
  auto journal = f.open();
  auto fresh = f.accept(*journal, {message("5")});
  journal->mark_done(fresh[0].id, MessageState::sent);
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
    journal->mark_done(fresh[0].id, MessageState::sent);
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

TEST_CASE("a turn's steps and its sender's memory entry survive until they are needed no more") {
  Fixture f;
  const gateway::Remembrance kept{.memory_db = f.dir / "default/memory/shop/a.db",
                                  .conversation = "c",
                                  .turn = "bot:1",
                                  .entries = {{"user", "hi", ""}, {"assistant", "\"ho\"", "{}"}}};
  {
    auto journal = f.open();
    auto fresh = f.accept(*journal, {message("1"), message("2")});
    const gateway::MessageId id = fresh[0].id;
    REQUIRE(run_task(f.loop, journal->add_steps(id, {{"", Step::Kind::answer, 0, "{}"}})));
    journal->note_steps(id, {{"0.1", Step::Kind::result, 3, "out"}});
    journal->mark_running(id);
    REQUIRE(run_task(f.loop, journal->store_reply(fresh[1].id, {"reply", kept}, true)));
  }
  {
    auto journal = f.open();
    auto left = f.unfinished(*journal);
    REQUIRE(left.size() == 2);
    CHECK(left[0].state == MessageState::running);
    CHECK(left[0].interruptions == 1);
    REQUIRE(left[0].steps.size() == 2);
    CHECK(left[0].steps[0].kind == Step::Kind::answer);
    CHECK(left[0].steps[1].agent == "0.1");
    CHECK(left[0].steps[1].number == 3);
    CHECK(left[0].steps[1].payload == "out");
    CHECK(left[1].state == MessageState::sending);
    CHECK(left[1].reply.remembrance.memory_db == kept.memory_db);
    CHECK(left[1].reply.remembrance.turn == "bot:1");
    REQUIRE(left[1].reply.remembrance.entries.size() == 2);
    CHECK(left[1].reply.remembrance.entries[1].text == "\"ho\"");
    REQUIRE(run_task(f.loop, journal->store_reply(left[0].id, {.text = "done"}, false)));
  }
  auto journal = f.open();
  CHECK(f.unfinished(*journal)[0].steps.empty());
}

TEST_CASE("a data directory that was moved remembers at its new place; nothing is remembered outside of it") {
  Fixture f;
  {
    auto journal = f.open();
    auto fresh = f.accept(*journal, {message("1"), message("2")});
    const gateway::Remembrance inside{
        .memory_db = f.dir / "default/a.db", .turn = "t", .entries = {{"user", "hi", ""}}};
    const gateway::Remembrance outside{.memory_db = f.dir / "../b.db", .turn = "t", .entries = {{"user", "hi", ""}}};
    REQUIRE(run_task(f.loop, journal->store_reply(fresh[0].id, {"reply", inside}, false)));
    REQUIRE(run_task(f.loop, journal->store_reply(fresh[1].id, {"reply", outside}, false)));
  }
  const testing::TempDir moved;
  std::filesystem::copy(f.dir.path(), moved.path(), std::filesystem::copy_options::recursive);
  auto journal = gateway::open_journal(moved / "gateway.db", f.loop.get_executor(), f.clock);
  REQUIRE(journal);
  auto left = f.unfinished(**journal);
  REQUIRE(left.size() == 2);
  CHECK(left[0].reply.remembrance.memory_db == moved / "default/a.db");
  CHECK(left[1].reply.remembrance.memory_db.empty());
  CHECK(left[1].reply.text == "reply");
}

TEST_CASE("a reply goes from ready to sending and back, part by part, and is forgotten when it is sent") {
  Fixture f;
  gateway::MessageId id = 0;
  const auto after_restart = [&](const std::function<void(Journal&)>& act) {
    {
      auto journal = f.open();
      act(*journal);
      REQUIRE(run_task(f.loop, journal->flush()));
    }
    auto journal = f.open();
    auto left = f.unfinished(*journal);
    return left.empty() ? Accepted{.state = MessageState::sent} : left[0];
  };
  const Accepted ready = after_restart([&](Journal& journal) {
    id = f.accept(journal, {message("1")})[0].id;
    REQUIRE(run_task(f.loop, journal.store_reply(id, {.text = "reply"}, false)));
  });
  CHECK(ready.state == MessageState::ready);
  const Accepted leaving =
      after_restart([&](Journal& journal) { REQUIRE(run_task(f.loop, journal.store_leaving(id, 2))); });
  CHECK(leaving.state == MessageState::sending);
  CHECK(leaving.parts_arrived == 2);
  CHECK(after_restart([&](Journal& journal) { journal.mark_ready(id, 2); }).state == MessageState::ready);
  CHECK(after_restart([&](Journal& journal) { journal.mark_done(id, MessageState::sent); }).state ==
        MessageState::sent);
}

TEST_CASE("when a part first left, and what a reply offers, outlives the process") {
  Fixture f;
  gateway::MessageId id = 0;
  const auto restarted = [&](auto act) {
    {
      auto journal = f.open();
      act(*journal);
      REQUIRE(run_task(f.loop, journal->flush()));
    }
    auto journal = f.open();
    return f.unfinished(*journal).at(0);
  };
  const WallTime first = f.clock.wall();
  const Accepted leaving = restarted([&](Journal& journal) {
    id = f.accept(journal, {message("1")})[0].id;
    REQUIRE(run_task(f.loop,
                     journal.store_reply(id, {.text = "reply", .choices = {{"New", "/new"}, {"Üb\"er", "x"}}}, true)));
  });
  CHECK(leaving.left_at == first);
  REQUIRE(leaving.reply.choices.size() == 2);
  CHECK(leaving.reply.choices[1].label == "Üb\"er");
  CHECK(leaving.reply.choices[0].says == "/new");
  // The same part again: it may have arrived the first time.
  f.clock.advance(std::chrono::seconds(5));
  CHECK(restarted([&](Journal& j) { REQUIRE(run_task(f.loop, j.store_leaving(id, 0))); }).left_at == first);
  // The next part, and one that certainly came back, leave anew.
  CHECK(restarted([&](Journal& j) { REQUIRE(run_task(f.loop, j.store_leaving(id, 1))); }).left_at == f.clock.wall());
  f.clock.advance(std::chrono::seconds(5));
  CHECK(restarted([&](Journal& j) {
          j.mark_ready(id, 1);
          REQUIRE(run_task(f.loop, j.store_leaving(id, 1)));
        }).left_at == f.clock.wall());
}

TEST_CASE("where a channel has read to is kept, each channel its own, and the newest counts") {
  Fixture f;
  {
    auto journal = f.open();
    CHECK(journal->place_of("main") == "");
    journal->mark_place("main", "one");
    journal->mark_place("other", "two");
    journal->mark_place("main", "three");
    CHECK(journal->place_of("main") == "three");
    REQUIRE(run_task(f.loop, journal->flush()));
  }
  auto journal = f.open();
  CHECK(journal->place_of("main") == "three");
  CHECK(journal->place_of("other") == "two");
}

TEST_CASE("where a channel has read to is on disk no later than what is accepted behind it") {
  Fixture f;
  auto journal = f.open();
  journal->mark_place("main", "one");
  f.accept(*journal, {message("1")});
  // As after a crash: nobody flushed.
  CHECK(f.open()->place_of("main") == "one");
}

TEST_CASE("conversations are listed with the state of their newest message, unknown replies with their text") {
  Fixture f;
  auto journal = f.open();
  Incoming other = message("9");
  other.chat = "2";
  other.sender_id = "2";
  auto fresh = f.accept(*journal, {message("1"), other, message("2")});
  REQUIRE(run_task(f.loop, journal->store_reply(fresh[1].id, {.text = "perhaps"}, true)));
  journal->mark_done(fresh[1].id, MessageState::unknown);
  journal->mark_done(fresh[0].id, MessageState::sent);
  auto rows = run_task(f.loop, journal->conversations(std::nullopt, 10));
  REQUIRE(rows);
  REQUIRE(rows->size() == 2);
  CHECK(rows->at(0).chat == "1");
  CHECK(rows->at(0).sender == "telegram:1");
  CHECK(rows->at(0).state == MessageState::received);
  CHECK(rows->at(0).messages == 2);
  CHECK(rows->at(0).unfinished == 1);
  CHECK(rows->at(0).last_platform_id == "2");
  CHECK(rows->at(0).last_reply.empty());
  CHECK(rows->at(1).state == MessageState::unknown);
  CHECK(rows->at(1).last_reply == "perhaps");
  CHECK(run_task(f.loop, journal->conversations(MessageState::unknown, 10))->size() == 1);
  CHECK(run_task(f.loop, journal->conversations(MessageState::running, 10))->empty());
  CHECK(run_task(f.loop, journal->conversations(std::nullopt, 1))->size() == 1);
}
