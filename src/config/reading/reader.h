// Typed access to one table of the file. Construction reports every key that the section does not know and every value
// of the wrong type; the accessors then see well-typed values only and report what is out of range. After a report they
// give a harmless stand-in, so that one mistake makes one message.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/money.h"
#include "config/reading/document.h"
#include "config/reading/keys.h"
#include "config/reading/problems.h"

namespace usher::config {

// A string of the file: what it means and what messages may show of it.
struct Text {
  std::string value;
  std::string written;
  Source source;
};

// What the strings of a list may be.
struct TextBounds {
  bool may_be_empty = false;
  std::size_t max_bytes = 4096;
  std::size_t max_items = 1024;
};

// 1 to 64 of A-Z a-z 0-9 _ -
bool is_name(std::string_view name);

class TableReader {
 public:
  // `path` is "rbac.roles.buyer". The table and the problems must outlive the reader.
  TableReader(const Value& table, const Section& section, std::string path, bool is_item, Problems& problems);

  const Source& source() const { return table_->source; }
  const std::string& path() const { return path_; }
  // "[rbac.roles.buyer]" or "[[rbac.assignments]]"
  std::string title() const;
  // Where a key's value stands; the table itself when it was not written.
  const Source& source_of(std::string_view key) const;
  bool has(std::string_view key) const { return table_->find(key) != nullptr; }
  Problems& problems() const { return *problems_; }

  // nullopt: not written, or reported. Never empty.
  std::optional<Text> text(std::string_view key) const;
  // The same; reports a missing key.
  std::optional<Text> required_text(std::string_view key) const;
  std::vector<Text> texts(std::string_view key, TextBounds bounds = {}) const;
  bool boolean(std::string_view key, bool fallback) const;
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t least, std::int64_t most) const;
  std::int64_t integer_or(std::string_view key, std::int64_t fallback, std::int64_t least, std::int64_t most) const;
  std::chrono::seconds seconds(std::string_view key, std::chrono::seconds fallback, std::chrono::seconds least,
                               std::chrono::seconds most) const;
  std::optional<MicroUsd> dollars(std::string_view key) const;

  std::optional<TableReader> table(std::string_view key, const Section& section) const;
  std::vector<TableReader> tables(std::string_view key, const Section& section) const;
  // The tables of [key.<name>], in file order; a name that is not [A-Za-z0-9_-]{1,64} is reported and left out.
  struct Named;
  std::vector<Named> named_tables(std::string_view key, const Section& section) const;

 private:
  // " in [agent]"; nothing at the top level.
  std::string place() const;
  const Value* well_typed(std::string_view key) const;
  void check(const Entry& entry) const;
  void report_unknown(const Entry& entry) const;
  std::optional<Text> text_of(const Value& value, std::string_view key, TextBounds bounds) const;

  const Value* table_;
  const Section* section_;
  std::string path_;
  bool is_item_;
  Problems* problems_;
};

struct TableReader::Named {
  std::string name;
  Source source;  // of the name
  TableReader reader;
};

}  // namespace usher::config
