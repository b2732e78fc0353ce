#include "audit/row.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "audit/tree/frontier.h"
#include "base/text.h"

namespace usher::audit {
namespace {

constexpr std::string_view kVersion = "usher ledger row 1";
constexpr std::string_view kCut = "…[cut]";

constexpr std::array kKinds = {Kind::resolution, Kind::decision,        Kind::limit,  Kind::approval,
                               Kind::token,      Kind::operator_action, Kind::process};

// The texts of a record by their names, in the order in which they are hashed; sensitivity stands before `rule`.
struct Column {
  std::string_view name;
  std::string Record::* text;
};
constexpr std::array kBeforeSensitivity = {Column{"tenant", &Record::tenant}, Column{"who", &Record::who},
                                           Column{"role", &Record::role},     Column{"source", &Record::source},
                                           Column{"action", &Record::action}, Column{"resource", &Record::resource}};
constexpr std::array kAfterSensitivity = {Column{"rule", &Record::rule}, Column{"detail", &Record::detail},
                                          Column{"policy_hash", &Record::policy_hash}};

void bound(std::string& text) {
  if (text.size() <= kMaxTextBytes && is_valid_utf8(text)) return;
  text = repair_utf8(std::string_view(text).substr(0, kMaxTextBytes + 1));
  if (text.size() <= kMaxTextBytes) return;
  text.resize(prefix_within_bytes(text, kMaxTextBytes - kCut.size()).size());
  text += kCut;
}

void append(std::string& bytes, std::string_view text) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(text.size() >> shift & 0xff));
  bytes += text;
}

// nullopt also for a number where a text belongs, and the like.
std::optional<std::string> text_at(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (!value || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

std::unexpected<Error> no_row(std::string_view member) {
  return fail(ErrorKind::invalid, fmt::format("this is no row of a ledger: '{}' is missing or wrong", member));
}

}  // namespace

std::optional<Kind> parse_kind(std::string_view word) {
  const auto found = std::ranges::find(kKinds, word, [](Kind kind) { return std::string_view(to_string(kind)); });
  return found == kKinds.end() ? std::nullopt : std::optional(*found);
}

std::optional<Outcome> parse_outcome(std::string_view word) {
  if (word == to_string(Outcome::allowed)) return Outcome::allowed;
  if (word == to_string(Outcome::denied)) return Outcome::denied;
  return std::nullopt;
}

Record bounded(Record record) {
  for (const Column& column : kBeforeSensitivity) bound(record.*column.text);
  for (const Column& column : kAfterSensitivity) bound(record.*column.text);
  return record;
}

std::string canonical_bytes(const Row& row, const Digest& previous) {
  const Record& record = row.record;
  std::string bytes;
  bytes.reserve(512);
  append(bytes, kVersion);
  append(bytes, fmt::format_int(row.number).str());
  append(bytes, fmt::format_int(row.at.time_since_epoch().count()).str());
  append(bytes, to_hex(previous));
  append(bytes, to_string(record.kind));
  append(bytes, to_string(record.outcome));
  for (const Column& column : kBeforeSensitivity) append(bytes, record.*column.text);
  append(bytes, fmt::format_int(record.sensitivity).str());
  for (const Column& column : kAfterSensitivity) append(bytes, record.*column.text);
  return bytes;
}

Digest hash_of(const Row& row, const Digest& previous) { return leaf_hash(canonical_bytes(row, previous)); }

json::object to_json(const Row& row) {
  json::object object{{"row", row.number},
                      {"at_ms", row.at.time_since_epoch().count()},
                      {"kind", to_string(row.record.kind)},
                      {"outcome", to_string(row.record.outcome)}};
  for (const Column& column : kBeforeSensitivity) object[column.name] = row.record.*column.text;
  object["sensitivity"] = row.record.sensitivity;
  for (const Column& column : kAfterSensitivity) object[column.name] = row.record.*column.text;
  object["hash"] = to_hex(row.hash);
  return object;
}

Result<Row> parse_row(const json::value& value) {
  const json::object* object = value.if_object();
  constexpr std::size_t members = 6 + kBeforeSensitivity.size() + kAfterSensitivity.size();
  if (!object || object->size() != members) return fail(ErrorKind::invalid, "this is no row of a ledger");
  Row row;
  const std::optional<std::int64_t> number = integer_at(&value, "row");
  const std::optional<std::int64_t> at_ms = integer_at(&value, "at_ms");
  const std::optional<std::int64_t> sensitivity = integer_at(&value, "sensitivity");
  const std::optional<Kind> kind = parse_kind(text_at(*object, "kind").value_or(""));
  const std::optional<Outcome> outcome = parse_outcome(text_at(*object, "outcome").value_or(""));
  const std::optional<Digest> hash = digest_from_hex(text_at(*object, "hash").value_or(""));
  if (!number || *number < 1) return no_row("row");
  if (!at_ms) return no_row("at_ms");
  if (!sensitivity || !std::in_range<int>(*sensitivity)) return no_row("sensitivity");
  if (!kind) return no_row("kind");
  if (!outcome) return no_row("outcome");
  if (!hash) return no_row("hash");
  row.number = static_cast<std::uint64_t>(*number);
  row.at = WallTime(std::chrono::milliseconds(*at_ms));
  row.record.kind = *kind;
  row.record.outcome = *outcome;
  row.record.sensitivity = static_cast<int>(*sensitivity);
  row.hash = *hash;
  const auto take = [&](const Column& column) {
    std::optional<std::string> text = text_at(*object, column.name);
    if (text) row.record.*column.text = std::move(*text);
    return text.has_value();
  };
  for (const Column& column : kBeforeSensitivity) {
    if (!take(column)) return no_row(column.name);
  }
  for (const Column& column : kAfterSensitivity) {
    if (!take(column)) return no_row(column.name);
  }
  return row;
}

}  // namespace usher::audit
