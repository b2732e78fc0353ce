// Databases of a newer usher: none is read or written, whatever it is for.
#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <fstream>
#include <functional>

#include "admin/tokens.h"
#include "gateway/journal.h"
#include "gateway/links/links.h"
#include "limits/budget.h"
#include "limits/counters.h"
#include "memory/documents.h"
#include "memory/memory.h"
#include "store/sqlite.h"
#include "support/manual_clock.h"
#include "support/temp_dir.h"

using namespace usher;

namespace {

namespace fs = std::filesystem;

struct Kind {
  const char* file;
  std::function<std::string(const fs::path& file)> open;  // the error; "" when it could be opened
};

template <class T>
std::string error_of(const Result<T>& result) {
  return result ? "" : result.error().message;
}

std::string bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

TEST_CASE("a database of a newer usher is refused with its name and what to do, and left as it is") {
  testing::TempDir dir;
  testing::ManualClock clock;
  asio::io_context loop;
  fs::create_directory(dir / "workspace");
  std::ofstream(dir / "workspace/catalog.jsonl") << R"({"id":"1","name":"Mug"})";
  const Kind kinds[] = {
      {"links.db", [&](auto& file) { return error_of(gateway::open_links(file, loop.get_executor(), clock)); }},
      {"gateway.db", [&](auto& file) { return error_of(gateway::open_journal(file, loop.get_executor(), clock)); }},
      {"limits.db", [&](auto& file) { return error_of(limits::open_counters(file)); }},
      {"limits.db", [&](auto& file) { return error_of(limits::read_usage(file, {})); }},
      {"api.db", [&](auto& file) { return error_of(admin::open_api_stores(file, loop.get_executor())); }},
      {"memory.db", [&](auto& file) { return error_of(memory::open_memory_store(file, clock)); }},
      {"index.db", [&](auto& file) { return error_of(memory::search_catalog(file, dir / "workspace", "mug", 10)); }},
  };
  for (const Kind& kind : kinds) {
    CAPTURE(kind.file);
    const fs::path file = dir / kind.file;
    (void)kind.open(file);  // makes it, unless this one only reads
    {
      Result<store::Database> database = store::Database::open(file, {.sharing = store::Sharing::shared});
      REQUIRE_MESSAGE(database, database.error().message);
      REQUIRE(database->script("PRAGMA user_version=99"));
    }
    const std::string before = bytes_of(file);
    const std::string refusal = kind.open(file);
    CHECK(refusal.contains(file.string()));
    CHECK(refusal.contains("newer usher"));
    CHECK(refusal.contains("update usher"));
    CHECK(bytes_of(file) == before);
    fs::remove(file);
  }
}
