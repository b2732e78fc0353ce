#include "memory/memory.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "store/sqlite.h"
#include "support/manual_clock.h"
#include "support/temp_dir.h"

using namespace usher;
using memory::Audience;
using memory::Entry;
using memory::Fact;
using memory::MemoryStore;

namespace {

struct Memory {
  testing::TempDir dir;
  testing::ManualClock clock;
  std::filesystem::path file = dir.path() / "default" / "memory" / "shared" / "a.db";
  std::shared_ptr<MemoryStore> store;

  Memory() { reopen(); }
  void reopen() {
    store.reset();
    Result<std::shared_ptr<MemoryStore>> opened = memory::open_memory_store(file, clock);
    REQUIRE_MESSAGE(opened, opened.error().message);
    store = std::move(*opened);
  }
  MemoryStore* operator->() { return store.get(); }

  void append(std::string_view conversation, std::string_view turn, std::vector<Entry> entries) {
    Result<void> done = store->append(conversation, turn, entries);
    REQUIRE_MESSAGE(done, done.error().message);
  }
  // "user:hi assistant:hello"
  std::string history(std::string_view conversation, std::size_t most = 50) {
    Result<std::vector<Entry>> entries = store->history(conversation, most);
    REQUIRE(entries);
    std::string all;
    for (const Entry& entry : *entries) all += (all.empty() ? "" : " ") + entry.author + ":" + entry.text;
    return all;
  }
  std::vector<std::string> recall(Audience audience, std::string_view query, std::size_t most = 10) {
    Result<std::vector<Fact>> facts = store->recall(audience, query, most);
    REQUIRE_MESSAGE(facts, facts.error().message);
    std::vector<std::string> texts;
    for (Fact& fact : *facts) texts.push_back(std::move(fact.text));
    return texts;
  }
  std::int64_t remember(Audience audience, std::string_view text, std::string_view owner = "alice") {
    Result<std::int64_t> id = store->remember(owner, audience, text);
    REQUIRE_MESSAGE(id, id.error().message);
    return *id;
  }
};

using Texts = std::vector<std::string>;

unsigned mode_of(const std::filesystem::path& path) {
  struct stat info{};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return info.st_mode & 0777;
}

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

}  // namespace

TEST_CASE("a history comes back in order, with everything that was appended, after a restart too") {
  Memory memory;
  memory.append("c", "t1", {{"user", "hi", ""}, {"assistant", "", "{\"calls\":1}"}});
  memory.append("c", "t2", {{"user", "again", ""}, {"assistant", std::string(9000, 'x'), ""}});
  memory.reopen();
  Result<std::vector<Entry>> entries = memory->history("c", 50);
  REQUIRE(entries);
  REQUIRE(entries->size() == 4);
  CHECK((*entries)[0].text == "hi");
  CHECK((*entries)[1].author == "assistant");
  CHECK((*entries)[1].extra == "{\"calls\":1}");
  CHECK((*entries)[3].text.size() == 9000);
  CHECK(memory.history("other") == "");
}

TEST_CASE("the newest entries are given, beginning with a user's") {
  Memory memory;
  memory.append("c", "t1", {{"user", "1", ""}, {"assistant", "2", ""}});
  memory.append("c", "t2", {{"user", "3", ""}, {"assistant", "4", ""}, {"tool", "5", ""}, {"assistant", "6", ""}});
  CHECK(memory.history("c", 6) == "user:1 assistant:2 user:3 assistant:4 tool:5 assistant:6");
  CHECK(memory.history("c", 5) == "user:3 assistant:4 tool:5 assistant:6");
  CHECK(memory.history("c", 4) == "user:3 assistant:4 tool:5 assistant:6");
  CHECK(memory.history("c", 3) == "");
  CHECK(memory.history("c", 0) == "");
}

TEST_CASE("appending a turn again changes nothing") {
  Memory memory;
  memory.append("c", "t1", {{"user", "1", ""}, {"assistant", "2", ""}});
  memory.append("c", "t2", {{"user", "3", ""}});
  memory.reopen();
  memory.append("c", "t1", {{"user", "other", ""}, {"assistant", "2", ""}, {"tool", "x", ""}});
  CHECK(memory.history("c") == "user:1 assistant:2 user:3");
  memory.append("d", "t1", {{"user", "elsewhere", ""}});  // the same turn name in another conversation is another turn
  CHECK(memory.history("d") == "user:elsewhere");
}

TEST_CASE("a turn is appended whole or not at all") {
  Memory memory;
  memory.append("c", "t1", {{"user", "1", ""}});
  memory.store.reset();
  {
    Result<store::Database> database = store::Database::open(memory.file);
    REQUIRE(database);
    REQUIRE(
        database->script("CREATE TRIGGER t BEFORE INSERT ON history WHEN NEW.text = 'bad'"
                         " BEGIN SELECT RAISE(ABORT, 'disk'); END"));
  }
  memory.reopen();
  const std::vector<Entry> entries = {{"user", "2", ""}, {"assistant", "bad", ""}};
  Result<void> failed = memory->append("c", "t2", entries);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().kind == ErrorKind::io);
  CHECK(memory.history("c") == "user:1");
  memory.append("c", "t2", {{"user", "2", ""}});
  CHECK(memory.history("c") == "user:1 user:2");
}

TEST_CASE("two conversations in one shared database keep their histories apart") {
  Memory memory;
  memory.append("alice", "t1", {{"user", "a", ""}});
  memory.append("bob", "t1", {{"user", "b", ""}});
  memory.append("alice", "t2", {{"user", "A", ""}});
  CHECK(memory.history("alice") == "user:a user:A");
  CHECK(memory.history("bob") == "user:b");
  REQUIRE(memory->clear_history("alice"));
  CHECK(memory.history("alice") == "");
  CHECK(memory.history("bob") == "user:b");
  memory.append("alice", "t3", {{"user", "new", ""}});
  CHECK(memory.history("alice") == "user:new");
  CHECK(memory->clear_history("nobody"));
  CHECK(memory.history("bob") == "user:b");
}

TEST_CASE("a history is bounded: about the newest thousand entries stay, and they are the right ones") {
  Memory memory;
  for (int i = 0; i < 1500; ++i) memory.append("c", std::to_string(i), {{"user", std::to_string(i), ""}});
  memory.append("d", "t", {{"user", "x", ""}});
  Result<std::vector<Entry>> entries = memory->history("c", 5000);
  REQUIRE(entries);
  CHECK(entries->size() == 1000);
  CHECK(entries->back().text == "1499");
  memory.store.reset();
  Result<store::Database> database = store::Database::open(memory.file);
  REQUIRE(database);
  std::int64_t rows = 0;
  REQUIRE(database->query("SELECT count(*) FROM history", {}, [&](const store::Row& row) { rows = row.integer(0); }));
  CHECK(rows <= 1000 + 64 + 1);
}

TEST_CASE("a fact is recalled by any of its words, whatever their case, accents or ending") {
  Memory memory;
  memory.remember(Audience::private_chat, "My cat Félix likes tuna");
  memory.remember(Audience::private_chat, "I am allergic to peanuts");
  CHECK(memory.recall(Audience::private_chat, "what does felix like?") == Texts{"My cat Félix likes tuna"});
  CHECK(memory.recall(Audience::private_chat, "ALLERGIES peanut") == Texts{"I am allergic to peanuts"});
  CHECK(memory.recall(Audience::private_chat, "tun") == Texts{"My cat Félix likes tuna"});
  CHECK(memory.recall(Audience::private_chat, "weather") == Texts{});
  CHECK(memory.recall(Audience::private_chat, "") == Texts{"I am allergic to peanuts", "My cat Félix likes tuna"});
  CHECK(memory.recall(Audience::private_chat, "", 1) == Texts{"I am allergic to peanuts"});
}

TEST_CASE("the better match comes first") {
  Memory memory;
  memory.remember(Audience::private_chat, "the red car");
  memory.remember(Audience::private_chat, "the red bicycle with a red bell");
  memory.remember(Audience::private_chat, "a blue bell");
  CHECK(memory.recall(Audience::private_chat, "red bell", 1) == Texts{"the red bicycle with a red bell"});
}

TEST_CASE("a fact of a private chat is not recalled, listed or forgotten in a group") {
  Memory memory;
  const std::int64_t secret = memory.remember(Audience::private_chat, "my secret salary");
  const std::int64_t open = memory.remember(Audience::group, "the open salary meeting");
  CHECK(memory.recall(Audience::group, "salary") == Texts{"the open salary meeting"});
  CHECK(memory.recall(Audience::group, "") == Texts{"the open salary meeting"});
  CHECK(memory.recall(Audience::private_chat, "salary").size() == 2);
  CHECK(memory->forget(Audience::group, secret).value() == false);
  CHECK(memory.recall(Audience::private_chat, "secret").size() == 1);
  CHECK(memory->forget(Audience::group, open).value() == true);
  CHECK(memory->forget(Audience::private_chat, secret).value() == true);
  CHECK(memory->forget(Audience::private_chat, secret).value() == false);
  CHECK(memory.recall(Audience::private_chat, "").empty());
}

TEST_CASE("a forgotten fact leaves no trace in the file, and its id is not given again") {
  Memory memory;
  const std::int64_t id = memory.remember(Audience::private_chat, "xyzzyplugh is the password");
  memory.remember(Audience::private_chat, "something else");
  REQUIRE(memory->forget(Audience::private_chat, id).value());
  CHECK(memory.recall(Audience::private_chat, "xyzzyplugh").empty());
  CHECK(memory.remember(Audience::private_chat, "new") > id + 1);
  memory.store.reset();
  {
    Result<store::Database> database = store::Database::open(memory.file);
    REQUIRE(database);
    REQUIRE(database->checkpoint());
  }
  CHECK(bytes_of(memory.file).find("xyzzyplugh") == std::string::npos);
}

TEST_CASE("nothing in a query is search syntax") {
  Memory memory;
  memory.remember(Audience::private_chat, "tea or coffee");
  memory.remember(Audience::private_chat, "milk");
  for (const char* query :
       {"\"", "\"\"\"", "tea\"", "tea AND milk", "tea NOT tea", "NEAR(tea milk)", "text:tea", "tea*", "^tea", "(tea",
        "{text}:tea", "-tea", "tea + milk", "'tea", ";DROP TABLE facts", "?!", "\x01", "*", "a\"b tea"}) {
    Result<std::vector<Fact>> facts = memory->recall(Audience::private_chat, query, 10);
    REQUIRE_MESSAGE(facts, std::string(query));
    if (std::string_view(query).find("tea") != std::string_view::npos) {
      bool found = false;
      for (const Fact& fact : *facts) found = found || fact.text == "tea or coffee";
      CHECK_MESSAGE(found, std::string(query));
    }
  }
  CHECK(memory.recall(Audience::private_chat, std::string(100'000, '"') + " tea").size() <= 1);
  CHECK(memory.recall(Audience::private_chat, "milk\0 tea").size() == 1);
}

TEST_CASE("facts are bounded in size and number, for one owner without harm to others") {
  Memory memory;
  CHECK(memory->remember("alice", Audience::group, std::string(4097, 'a')).error().kind == ErrorKind::invalid);
  CHECK(memory->remember("alice", Audience::group, " \n").error().kind == ErrorKind::invalid);
  CHECK(memory->remember("alice", Audience::group, "\xff").error().kind == ErrorKind::invalid);
  for (int i = 0; i < 1000; ++i) memory.remember(Audience::group, std::to_string(i));
  Result<std::int64_t> refused = memory->remember("alice", Audience::group, "one more");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::limit);
  const std::int64_t bobs = memory.remember(Audience::group, std::string(4096, 'a'), "bob");
  CHECK(memory->forget(Audience::group, bobs - 1).value());
  CHECK(memory->remember("alice", Audience::group, "one more"));
}

TEST_CASE("databases are private, and so are the directories made for them") {
  Memory memory;
  CHECK(mode_of(memory.file) == 0600);
  CHECK(mode_of(memory.file.parent_path()) == 0700);
  CHECK(mode_of(memory.file.parent_path().parent_path()) == 0700);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(memory.file.parent_path())) {
    CHECK(mode_of(entry.path()) == 0600);
    ++files;
  }
  CHECK(files <= 2);  // nothing is left behind but the file and its log
}

TEST_CASE("what a removed database has left is not replayed into its successor") {
  Memory memory;
  memory.append("c", "t1", {{"user", "secret", ""}});
  const std::filesystem::path log = memory.file.string() + "-wal";
  std::filesystem::copy_file(log, memory.dir / "kept");
  memory.store.reset();
  std::filesystem::remove(memory.file);
  std::filesystem::copy_file(memory.dir / "kept", log, std::filesystem::copy_options::overwrite_existing);
  memory.reopen();
  CHECK(memory.history("c") == "");
}

TEST_CASE("an empty file, as a power cut leaves one, becomes a database") {
  testing::TempDir dir;
  testing::ManualClock clock;
  std::ofstream{dir / "a.db"};
  Result<std::shared_ptr<MemoryStore>> opened = memory::open_memory_store(dir / "a.db", clock);
  REQUIRE(opened);
  const std::vector<Entry> entries = {{"user", "hi", ""}};
  CHECK((*opened)->append("c", "t", entries));
}
