// A sender's memory as one would write it first: SQLite with its defaults, the same tables, the same statements.
#pragma once

#include <filesystem>
#include <string>

struct sqlite3;

namespace usher::bench {

class PlainMemory {
 public:
  // `schema` creates what is not there.
  PlainMemory(const std::filesystem::path& file, const std::string& schema);
  PlainMemory(PlainMemory&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
  PlainMemory& operator=(PlainMemory&&) = delete;
  ~PlainMemory();

  // A turn: reads the history, looks for facts, appends a question and an answer. Returns the length of the history
  // before.
  int turn(const std::string& name);

 private:
  void run(const char* sql);
  int count(const char* sql);

  sqlite3* handle_ = nullptr;
};

// The tables of a database that usher made, as statements that create what is not there.
std::string schema_of(const std::filesystem::path& file);

}  // namespace usher::bench
