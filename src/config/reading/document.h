// A TOML document as plain values with their positions, in file order. The only place that knows toml++ (slow to
// compile, so it stays in one file). Plain data; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/load.h"

namespace usher::config {

enum class ValueKind { text, integer, number, boolean, date, array, table };

struct Entry;

struct Value {
  ValueKind kind = ValueKind::table;
  Source source;
  std::string text;  // a string, after its placeholders were replaced
  std::string
      written;  // the string as it stands in the file: what messages may quote, since it holds no looked-up secret
  bool is_broken = false;  // a placeholder failed: reported already, so nobody looks at it again
  std::int64_t integer = 0;
  double number = 0;
  bool boolean = false;
  std::vector<Value> items;
  std::vector<Entry> entries;

  const Value* find(std::string_view key) const;
};

struct Entry {
  std::string key;
  Source source;  // of the key
  Value value;
};

// The root table, or the first syntax error. Bounded: at most 1 MiB, 32 nested values, 16 parts in a dotted key (a
// longer one would overflow the stack inside toml++ 3.3: https://github.com/marzer/tomlplusplus/pull/242).
std::expected<Value, Problem> parse_document(std::string_view text, const std::string& file);

}  // namespace usher::config
