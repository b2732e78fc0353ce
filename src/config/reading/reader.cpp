#include "config/reading/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace usher::config {
namespace {

const char* name_of(ValueKind kind) {
  switch (kind) {
    case ValueKind::text:
      return "a string";
    case ValueKind::integer:
      return "a whole number";
    case ValueKind::number:
      return "a decimal number";
    case ValueKind::boolean:
      return "true or false";
    case ValueKind::date:
      return "a date or time";
    case ValueKind::array:
      return "a list";
    case ValueKind::table:
      return "a table";
  }
  return "something else";
}

const char* wanted(KeyType type) {
  switch (type) {
    case KeyType::text:
      return "a string";
    case KeyType::id:
      return "a string";
    case KeyType::texts:
      return "a list of strings";
    case KeyType::ids:
      return "a list of strings";
    case KeyType::integer:
      return "a whole number";
    case KeyType::number:
      return "a number";
    case KeyType::boolean:
      return "true or false";
    case KeyType::table:
      return "a table";
    case KeyType::tables:
      return "a list of tables";
    case KeyType::named_tables:
      return "a table of tables";
    case KeyType::later:
      break;
  }
  return "";
}

bool is_all(const std::vector<Value>& items, bool (*matches)(const Value&)) {
  return std::ranges::all_of(items, matches);
}
bool is_text(const Value& value) { return value.kind == ValueKind::text; }
bool is_table(const Value& value) { return value.kind == ValueKind::table; }
bool is_id(const Value& value) { return is_text(value) || value.kind == ValueKind::integer; }

bool is_of(KeyType type, const Value& value) {
  const bool is_list = value.kind == ValueKind::array;
  switch (type) {
    case KeyType::text:
      return is_text(value);
    case KeyType::id:
      return is_id(value);
    case KeyType::texts:
      return is_list && is_all(value.items, is_text);
    case KeyType::ids:
      return is_list && is_all(value.items, is_id);
    case KeyType::integer:
      return value.kind == ValueKind::integer;
    case KeyType::number:
      return value.kind == ValueKind::integer || value.kind == ValueKind::number;
    case KeyType::boolean:
      return value.kind == ValueKind::boolean;
    case KeyType::table:
      return is_table(value);
    case KeyType::tables:
      return is_list && is_all(value.items, is_table);
    case KeyType::named_tables:
      return is_table(value);  // its entries: named_tables()
    case KeyType::later:
      return true;
  }
  return false;
}

// What stands where it should not: the list itself, or the item of it that does not fit.
const Value& culprit(KeyType type, const Value& value) {
  if (value.kind != ValueKind::array) return value;
  for (const Value& item : value.items) {
    const bool fits = type == KeyType::tables ? is_table(item) : type == KeyType::ids ? is_id(item) : is_text(item);
    if (!fits && (type == KeyType::texts || type == KeyType::ids || type == KeyType::tables)) return item;
  }
  return value;
}

}  // namespace

bool is_name(std::string_view name) {
  constexpr std::size_t kMaxName = 64;
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= kMaxName && std::ranges::all_of(name, is_part);
}

TableReader::TableReader(const Value& table, const Section& section, std::string path, bool is_item, Problems& problems)
    : table_(&table), section_(&section), path_(std::move(path)), is_item_(is_item), problems_(&problems) {
  for (const Entry& entry : table_->entries) check(entry);
}

std::string TableReader::title() const { return is_item_ ? "[[" + path_ + "]]" : "[" + path_ + "]"; }

std::string TableReader::place() const { return path_.empty() ? "" : " in " + title(); }

const Source& TableReader::source_of(std::string_view key) const {
  const Value* value = table_->find(key);
  return value ? value->source : table_->source;
}

void TableReader::check(const Entry& entry) const {
  const Key* key = section_->find(entry.key);
  if (key && key->type == KeyType::later) {
    problems_->error(entry.source, fmt::format("'{}'{} is not available in this version", entry.key, place()));
  } else if (!key) {
    report_unknown(entry);
  } else if (!is_of(key->type, entry.value)) {
    const Value& value = culprit(key->type, entry.value);
    std::string message = fmt::format("'{}' must be {}, not {}", entry.key, wanted(key->type), name_of(value.kind));
    if (&value != &entry.value)
      message = fmt::format("'{}' must be {}; this is {}", entry.key, wanted(key->type), name_of(value.kind));
    const std::string path = path_.empty() ? entry.key : path_ + "." + entry.key;
    if (key->type == KeyType::tables && is_table(entry.value)) message += fmt::format("; write [[{}]]", path);
    if (key->type == KeyType::table && entry.value.kind == ValueKind::array)
      message += fmt::format("; write [{}]", path);
    problems_->error(value.source, message);
  }
}

void TableReader::report_unknown(const Entry& entry) const {
  std::vector<std::string> known;
  for (const Key& key : section_->keys) known.emplace_back(key.name);
  const bool is_section = is_table(entry.value) && path_.empty();
  problems_->error(entry.source, fmt::format("unknown {} {}{}{}", is_section ? "section" : "key", quote(entry.key),
                                             place(), suggestion(entry.key, known)));
}

const Value* TableReader::well_typed(std::string_view key) const {
  const Value* value = table_->find(key);
  const Key* known = section_->find(key);
  return value && known && is_of(known->type, *value) ? value : nullptr;
}

std::optional<Text> TableReader::text_of(const Value& value, std::string_view key, TextBounds bounds) const {
  if (value.kind == ValueKind::integer) {
    const std::string digits = std::to_string(value.integer);
    return Text{digits, digits, value.source};
  }
  if (value.is_broken) return std::nullopt;
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (value.text.empty() && !bounds.may_be_empty) {
    problems_->error(value.source, fmt::format("'{}' must not be empty", key));
  } else if (value.text.size() > bounds.max_bytes) {
    problems_->error(value.source, fmt::format("'{}' is longer than {} bytes", key, bounds.max_bytes));
  } else if (std::ranges::any_of(value.text, is_control)) {
    problems_->error(value.source, fmt::format("'{}' holds a control character", key));
  } else {
    return Text{value.text, value.written, value.source};
  }
  return std::nullopt;
}

std::optional<Text> TableReader::text(std::string_view key) const {
  const Value* value = well_typed(key);
  return value ? text_of(*value, key, {}) : std::nullopt;
}

std::optional<Text> TableReader::required_text(std::string_view key) const {
  if (!has(key)) problems_->error(source(), fmt::format("{} needs '{}'", title(), key));
  return text(key);
}

std::vector<Text> TableReader::texts(std::string_view key, TextBounds bounds) const {
  std::vector<Text> found;
  const Value* value = well_typed(key);
  if (!value) return found;
  if (value->items.size() > bounds.max_items) {
    problems_->error(value->source, fmt::format("'{}' has more than {} entries", key, bounds.max_items));
    return found;
  }
  for (const Value& item : value->items) {
    if (std::optional<Text> text = text_of(item, key, bounds)) found.push_back(std::move(*text));
  }
  return found;
}

bool TableReader::boolean(std::string_view key, bool fallback) const {
  const Value* value = well_typed(key);
  return value ? value->boolean : fallback;
}

std::optional<std::int64_t> TableReader::integer(std::string_view key, std::int64_t least, std::int64_t most) const {
  const Value* value = well_typed(key);
  if (!value) return std::nullopt;
  if (value->integer >= least && value->integer <= most) return value->integer;
  if (least == 0 && value->integer < 0) {
    problems_->error(value->source, fmt::format("'{}' must not be negative", key));
  } else {
    problems_->error(value->source, fmt::format("'{}' must be from {} to {}", key, least, most));
  }
  return std::nullopt;
}

std::int64_t TableReader::integer_or(std::string_view key, std::int64_t fallback, std::int64_t least,
                                     std::int64_t most) const {
  return integer(key, least, most).value_or(fallback);
}

std::chrono::seconds TableReader::seconds(std::string_view key, std::chrono::seconds fallback,
                                          std::chrono::seconds least, std::chrono::seconds most) const {
  return std::chrono::seconds(integer_or(key, fallback.count(), least.count(), most.count()));
}

std::optional<MicroUsd> TableReader::dollars(std::string_view key) const {
  if (!has(key)) return std::nullopt;
  const Value* value = well_typed(key);
  if (!value) return MicroUsd{0};  // reported; counts as priced
  const double amount = value->kind == ValueKind::integer ? static_cast<double>(value->integer) : value->number;
  const char* flaw = std::isnan(amount)   ? "be a number, not NaN"
                     : std::isinf(amount) ? "be finite"
                     : amount < 0         ? "not be negative"
                                          : nullptr;
  if (flaw) {
    problems_->error(value->source, fmt::format("'{}' must {}", key, flaw));
    return MicroUsd{0};
  }
  const Result<MicroUsd> money = micro_usd_from(amount);
  if (money) return *money;
  problems_->error(value->source, fmt::format("'{}' is too large", key));
  return MicroUsd{0};
}

std::optional<TableReader> TableReader::table(std::string_view key, const Section& section) const {
  const Value* value = well_typed(key);
  if (!value) return std::nullopt;
  return TableReader(*value, section, path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key), false,
                     *problems_);
}

std::vector<TableReader> TableReader::tables(std::string_view key, const Section& section) const {
  std::vector<TableReader> found;
  const Value* value = well_typed(key);
  if (!value) return found;
  for (const Value& item : value->items) {
    found.emplace_back(item, section, path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key), true,
                       *problems_);
  }
  return found;
}

std::vector<TableReader::Named> TableReader::named_tables(std::string_view key, const Section& section) const {
  std::vector<Named> found;
  const Value* value = well_typed(key);
  if (!value) return found;
  const std::string prefix = path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
  for (const Entry& entry : value->entries) {
    if (!is_table(entry.value)) {
      problems_->error(entry.source,
                       fmt::format("'{}' stands directly in [{}]; write [{}.<name>]", entry.key, prefix, prefix));
      continue;
    }
    if (!is_name(entry.key)) {
      problems_->error(entry.source, fmt::format("{} is not a name; use 1 to 64 of A-Z a-z 0-9 _ -", quote(entry.key)));
      continue;
    }
    found.push_back({entry.key, entry.source,
                     TableReader(entry.value, section, fmt::format("{}.{}", prefix, entry.key), false, *problems_)});
  }
  return found;
}

}  // namespace usher::config
