#include "memory/documents.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <iterator>
#include <thread>

#include "memory/passages.h"
#include "store/sqlite.h"
#include "support/disk/faulty_disk.h"
#include "support/temp_dir.h"

using namespace usher;
using memory::Hit;

namespace {

void write(const std::filesystem::path& file, const std::string& bytes) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

struct Shop {
  testing::TempDir dir;
  std::filesystem::path root = dir.path() / "workspace";
  std::filesystem::path index = dir.path() / "data" / "default" / "index" / "shared.db";

  void catalog(const std::string& lines) { write(root / "catalog.jsonl", lines); }
  // Its log too, which holds the same pages.
  void replace_index(const std::string& bytes) const {
    for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(index.string() + suffix);
    write(index, bytes);
  }
  std::vector<std::string> search(std::string_view query, std::size_t most = 10) {
    Result<std::vector<Hit>> hits = memory::search_catalog(index, root, query, most);
    REQUIRE_MESSAGE(hits, hits.error().message);
    std::vector<std::string> ids;
    for (Hit& hit : *hits) ids.push_back(std::move(hit.id));
    return ids;
  }
};

struct Library {
  testing::TempDir dir;
  std::filesystem::path root = dir.path() / "knowledge";
  std::filesystem::path index = dir.path() / "data" / "knowledge";

  std::vector<Hit> search(std::vector<std::string> collections, std::string_view query, std::size_t most = 10) {
    Result<std::vector<Hit>> hits = memory::search_knowledge(index, root, collections, query, most);
    REQUIRE_MESSAGE(hits, hits.error().message);
    return *hits;
  }
};

using Ids = std::vector<std::string>;

constexpr const char* two_products =
    "{\"id\":\"MUG-1\",\"name\":\"Blue "
    "mug\",\"price\":9.5,\"tags\":[\"kitchen\"],\"dishwasher\":true,\"fragile\":false}\n"
    "{\"id\":7,\"title\":\"Red kettle\",\"price\":30,\"about\":{\"material\":\"Stahl\"}}\n";

}  // namespace

TEST_CASE("a product is found by every kind of member, and comes with its line") {
  Shop shop;
  shop.catalog(two_products);
  for (const char* query : {"mug", "BLUE", "kitchen", "9.5", "dishwasher", "MUG-1", "mugs", "kitch"}) {
    CHECK_MESSAGE(shop.search(query) == Ids{"MUG-1"}, std::string(query));
  }
  for (const char* query : {"kettle", "stahl", "30", "7"})
    CHECK_MESSAGE(shop.search(query) == Ids{"7"}, std::string(query));
  CHECK(shop.search("fragile").empty());  // it is not
  CHECK(shop.search("sofa").empty());
  CHECK(shop.search("").empty());
  CHECK(shop.search("red mug").size() == 2);
  CHECK(shop.search("red mug", 1).size() == 1);
  Result<Hit> hit = memory::product(shop.index, shop.root, "7");
  REQUIRE(hit);
  CHECK(hit->title == "Red kettle");
  CHECK(hit->source == "catalog.jsonl");
  CHECK(hit->text == "{\"id\":7,\"title\":\"Red kettle\",\"price\":30,\"about\":{\"material\":\"Stahl\"}}");
}

TEST_CASE("a word in the name counts more than one in the text") {
  Shop shop;
  shop.catalog(
      "{\"id\":\"a\",\"name\":\"Tea towel\",\"text\":\"for a kettle, a kettle holder\"}\n"
      "{\"id\":\"b\",\"name\":\"Kettle\",\"text\":\"boils water\"}\n{\"id\":\"c\",\"name\":\"Cup\",\"text\":\"x\"}\n");
  CHECK(shop.search("kettle") == Ids{"b", "a"});
}

TEST_CASE("an id is matched exactly, and one that does not exist is not found") {
  Shop shop;
  shop.catalog(two_products);
  for (const char* id : {"MUG", "mug-1", "MUG-1 ", "", "' OR 1=1"}) {
    Result<Hit> hit = memory::product(shop.index, shop.root, id);
    REQUIRE_FALSE(hit);
    CHECK(hit.error().kind == ErrorKind::not_found);
  }
}

TEST_CASE("a bad line hides no other product") {
  Shop shop;
  shop.catalog(
      "\xef\xbb\xbf\n{\"id\":\"a\",\"name\":\"lamp\"}\r\n{broken\n[1]\n{\"id\":\"b\"}\n{\"name\":\"lamp\"}\n"
      "{\"id\":{},\"name\":\"lamp\"}\n" +
      std::string(70'000, '[') + "\n\n{\"id\":\"c\",\"name\":\"lamp\"}");
  CHECK(shop.search("lamp").size() == 2);
}

TEST_CASE("no catalogue is not_found, also after there was one") {
  Shop shop;
  std::filesystem::create_directories(shop.root);
  CHECK(memory::search_catalog(shop.index, shop.root, "x", 1).error().kind == ErrorKind::not_found);
  CHECK_FALSE(std::filesystem::exists(shop.index));
  shop.catalog(two_products);
  CHECK(shop.search("mug").size() == 1);
  std::filesystem::remove(shop.root / "catalog.jsonl");
  CHECK(memory::product(shop.index, shop.root, "7").error().kind == ErrorKind::not_found);
  CHECK(memory::search_catalog(shop.index, shop.root / "absent", "x", 1).error().kind == ErrorKind::not_found);
}

TEST_CASE("a changed catalogue is found anew: other size, other time, other file") {
  Shop shop;
  shop.catalog("{\"id\":\"a\",\"name\":\"lamp\"}\n");
  CHECK(shop.search("lamp") == Ids{"a"});
  shop.catalog("{\"id\":\"a\",\"name\":\"chair\"}\n");
  CHECK(shop.search("lamp").empty());
  CHECK(shop.search("chair") == Ids{"a"});
  const auto time = std::filesystem::last_write_time(shop.root / "catalog.jsonl");
  shop.catalog("{\"id\":\"b\",\"name\":\"table\"}\n");  // the same size
  std::filesystem::last_write_time(shop.root / "catalog.jsonl", time + std::chrono::nanoseconds(1));
  CHECK(shop.search("table") == Ids{"b"});
  write(shop.root / "new", "{\"id\":\"c\",\"name\":\"couch\"}\n");  // the same size and time: another inode
  std::filesystem::last_write_time(shop.root / "new", time + std::chrono::nanoseconds(1));
  std::filesystem::rename(shop.root / "new", shop.root / "catalog.jsonl");
  CHECK(shop.search("couch") == Ids{"c"});
  CHECK(shop.search("table").empty());
}

TEST_CASE("an unchanged catalogue is not read again") {
  Shop shop;
  shop.catalog(two_products);
  CHECK(shop.search("mug").size() == 1);
  // What only the index knows is still found: it was not made anew.
  Result<store::Database> database = store::Database::open(shop.index, {.sharing = store::Sharing::shared});
  REQUIRE(database);
  REQUIRE(database->script("UPDATE documents SET id = 'from the index' WHERE id = '7'"));
  CHECK(memory::product(shop.index, shop.root, "from the index"));
}

TEST_CASE("a damaged index is made anew, wherever the damage is and whenever it is met") {
  Shop shop;
  std::string lines;
  for (int i = 0; i < 300; ++i) lines += "{\"id\":\"p" + std::to_string(i) + "\",\"name\":\"lamp\"}\n";
  shop.catalog(two_products + lines);
  write(shop.index, std::string(8192, 'x'));
  CHECK(shop.search("mug") == Ids{"MUG-1"});
  const std::string sound = bytes_of(shop.index);
  REQUIRE(sound.size() > 10 * 4096);
  int rebuilt = 0;
  for (std::size_t page = 0; page * 4096 < sound.size(); ++page) {
    CAPTURE(page);
    std::string damaged = sound;
    // Not the header of the first page: what can be opened is found damaged later.
    for (std::size_t i = page * 4096 + (page == 0 ? 100 : 0); i < (page + 1) * 4096; ++i) damaged[i] = '\xa5';
    shop.replace_index(damaged);
    CHECK(shop.search("mug") == Ids{"MUG-1"});
    CHECK(memory::product(shop.index, shop.root, "p299"));
    CHECK(shop.search("lamp", 100).size() == 100);
    rebuilt += bytes_of(shop.index) == damaged ? 0 : 1;
  }
  CHECK(rebuilt > 5);
}

TEST_CASE("a disk that fails is no reason to make an index anew") {
  Shop shop;
  testing::FaultyDisk disk;
  shop.catalog(two_products);
  CHECK(shop.search("mug") == Ids{"MUG-1"});
  const std::string before = bytes_of(shop.index);
  disk.fail({{"shared.db", testing::DiskOperation::open, 1, true, testing::DiskFault::broken}});
  CHECK(memory::search_catalog(shop.index, shop.root, "mug", 10).error().kind == ErrorKind::io);
  CHECK(bytes_of(shop.index) == before);
  shop.catalog(std::string(two_products) + "{\"id\":\"new\",\"name\":\"lamp\"}\n");
  disk.fail({{"shared.db", testing::DiskOperation::write, 1, true, testing::DiskFault::full}});
  CHECK(memory::search_catalog(shop.index, shop.root, "lamp", 10).error().kind == ErrorKind::io);
  CHECK(bytes_of(shop.index) == before);
  disk.mend();
  CHECK(shop.search("lamp") == Ids{"new"});
}

TEST_CASE("threads that meet a damaged index at once all find what is there") {
  Shop shop;
  shop.catalog(two_products);
  CHECK(shop.search("mug") == Ids{"MUG-1"});
  const std::string sound = bytes_of(shop.index);
  for (int round = 0; round < 20; ++round) {
    shop.replace_index(std::string(sound.size(), 'x'));
    std::atomic<int> wrong = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        // One that another has removed meanwhile may have been read half: then it says so, it does not lie.
        Result<std::vector<Hit>> hits = memory::search_catalog(shop.index, shop.root, "mug", 10);
        if (hits && (hits->size() != 1 || (*hits)[0].id != "MUG-1")) ++wrong;
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
    CHECK(shop.search("mug") == Ids{"MUG-1"});
  }
}

TEST_CASE("a catalogue that is a symlink out of the workspace is not read") {
  Shop shop;
  write(shop.dir / "secret.jsonl", two_products);
  std::filesystem::create_directories(shop.root);
  std::filesystem::create_symlink(shop.dir / "secret.jsonl", shop.root / "catalog.jsonl");
  CHECK_FALSE(memory::search_catalog(shop.index, shop.root, "mug", 10));
}

TEST_CASE("threads that search a changed catalogue at once all see it new and whole") {
  Shop shop;
  std::string lines;
  for (int i = 0; i < 500; ++i) lines += "{\"id\":\"p" + std::to_string(i) + "\",\"name\":\"lamp\"}\n";
  shop.catalog(lines);
  std::vector<std::size_t> found(6);
  std::vector<std::thread> threads;
  for (std::size_t& count : found) {
    threads.emplace_back([&] {
      Result<std::vector<Hit>> hits = memory::search_catalog(shop.index, shop.root, "lamp", 100);
      count = hits ? hits->size() : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::size_t count : found) CHECK(count == 100);
}

TEST_CASE("the index is private") {
  Shop shop;
  shop.catalog(two_products);
  shop.search("mug");
  struct stat info{};
  REQUIRE(::stat(shop.index.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  REQUIRE(::stat(shop.index.parent_path().c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0700);
}

TEST_CASE("knowledge is searched in the collections that were named and in no other") {
  Library library;
  write(library.root / "public" / "returns.md", "# Returns\n\nSend it back within 30 days.\n");
  write(library.root / "internal" / "margins.txt", "Returns cost us 4 %.\n");
  CHECK(memory::collections_of(library.root) == Ids{"internal", "public"});
  std::vector<Hit> hits = library.search({"public"}, "returns");
  REQUIRE(hits.size() == 1);
  CHECK(hits[0].source == "returns.md");
  CHECK(hits[0].id == "returns.md#1");
  CHECK(hits[0].title == "Returns");
  CHECK(hits[0].text == "# Returns\n\nSend it back within 30 days.");
  CHECK(library.search({}, "returns").empty());
  CHECK(library.search({"public", "internal"}, "returns").size() == 2);
  CHECK(library.search({"public", "internal"}, "returns", 1).size() == 1);
  for (const char* name :
       {"absent", "..", ".", "", "public/../internal", "../knowledge/internal", "internal/", "/etc"}) {
    CHECK_MESSAGE(library.search({name}, "returns").empty(), std::string(name));
  }
}

TEST_CASE("changed, new and removed knowledge files are noticed, one by one") {
  Library library;
  write(library.root / "public" / "a.md", "apples");
  write(library.root / "public" / "b.txt", "bananas");
  write(library.root / "public" / "c.pdf", "apples");
  CHECK(library.search({"public"}, "apples bananas").size() == 2);
  write(library.root / "public" / "a.md", "cherries");
  write(library.root / "public" / "deep" / "d.md", "dates");
  std::filesystem::remove(library.root / "public" / "b.txt");
  CHECK(library.search({"public"}, "apples bananas").empty());
  CHECK(library.search({"public"}, "cherries").size() == 1);
  std::vector<Hit> hits = library.search({"public"}, "dates");
  REQUIRE(hits.size() == 1);
  CHECK(hits[0].source == "deep/d.md");
}

TEST_CASE("symlinks in the knowledge folders are not followed") {
  Library library;
  write(library.root / "internal" / "a.md", "secrets");
  write(library.root / "public" / "b.md", "nothing");
  std::filesystem::create_symlink(library.root / "internal" / "a.md", library.root / "public" / "link.md");
  std::filesystem::create_directory_symlink(library.root / "internal", library.root / "alias");
  CHECK(library.search({"public"}, "secrets").empty());
  CHECK(library.search({"alias"}, "secrets").empty());
  CHECK(memory::collections_of(library.root) == Ids{"internal", "public"});
}

TEST_CASE("Markdown is cut at its headings, and a bare heading stays with what follows") {
  const std::vector<memory::Passage> passages = memory::passages_of(
      "guide/faq.md",
      "Intro.\r\n\r\n# Shipping #\n\n## Europe\nTwo days.\n\nFree.\n## World\n```\n# no heading\n```\n");
  REQUIRE(passages.size() == 3);
  CHECK(passages[0].title == "faq");
  CHECK(passages[0].text == "Intro.");
  CHECK(passages[1].title == "Europe");
  CHECK(passages[1].text == "# Shipping #\n\n## Europe\n\nTwo days.\n\nFree.");
  CHECK(passages[2].title == "World");
  CHECK(passages[2].text.find("# no heading") != std::string::npos);
  CHECK(memory::passages_of("a.txt", "# not Markdown\n\nx").size() == 1);
  CHECK(memory::passages_of("a.md", "").empty());
  CHECK(memory::passages_of("a.md", "\n \n\t\n").empty());
}

TEST_CASE("no passage is longer than 2 KiB, cuts no character, and no word of the text is lost") {
  CHECK(rc::check("passages", [] {
    std::string text, squeezed;
    const int pieces = *rc::gen::inRange(0, 30);
    for (int i = 0; i < pieces; ++i) {
      const std::string piece =
          *rc::gen::element<std::string>("word ", "\n", "\n\n", "# Title\n", "é", "\xf0\x9f\x98\x80", "  ", "```\n",
                                         std::string(700, 'x'), std::string(3000, 'y'));
      text += piece;
    }
    const auto without_space = [](std::string_view from) {
      std::string kept;
      for (const char c : from) kept += c == ' ' || c == '\n' ? "" : std::string(1, c);
      return kept;
    };
    std::string joined;
    for (const memory::Passage& passage : memory::passages_of("a.md", text)) {
      RC_ASSERT(passage.text.size() <= memory::max_passage_bytes);
      RC_ASSERT(!passage.text.empty());
      RC_ASSERT((static_cast<unsigned char>(passage.text.front()) & 0xc0) != 0x80);
      joined += passage.text;
    }
    RC_ASSERT(without_space(joined) == without_space(text));
  }));
}
