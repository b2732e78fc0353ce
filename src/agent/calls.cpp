#include "agent/calls.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/secret.h"
#include "base/text.h"

namespace usher::agent {
namespace {

constexpr std::size_t kMaxIdBytes = 64;
constexpr std::size_t kMaxNameBytes = 64;  // what vendors accept back

json::value sorted(const json::value& value) {
  if (value.is_array()) {
    json::array array;
    for (const json::value& item : value.get_array()) array.push_back(sorted(item));
    return array;
  }
  if (!value.is_object()) return value;
  std::vector<const json::key_value_pair*> members;
  for (const json::key_value_pair& member : value.get_object()) members.push_back(&member);
  std::ranges::sort(members, {}, [](const json::key_value_pair* member) {
    return std::string_view(member->key().data(), member->key().size());
  });
  json::object object;
  for (const json::key_value_pair* member : members) object.emplace(member->key(), sorted(member->value()));
  return object;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

std::string accepted_name(std::string_view name) {
  std::string accepted(name.substr(0, kMaxNameBytes));
  std::ranges::replace_if(accepted, [](char c) { return !is_name_character(c); }, '_');
  return accepted.empty() ? "unnamed" : accepted;
}

bool is_accepted_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxIdBytes &&
         std::ranges::all_of(id, [](char c) { return c > 0x20 && c < 0x7F; });
}

Result<json::object> parse_arguments(std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes) {
    return fail(ErrorKind::invalid, fmt::format("the arguments are too long: at most {} bytes", max_bytes));
  }
  // Models leave the arguments of a tool that needs none empty.
  if (trim(text).empty()) return json::object();
  Result<json::value> parsed = parse_json(text, max_bytes);
  if (!parsed) return fail(ErrorKind::invalid, "the arguments are not valid JSON; send one JSON object");
  if (!parsed->is_object()) return fail(ErrorKind::invalid, "the arguments must be one JSON object");
  return std::move(parsed->get_object());
}

}  // namespace

std::string canonical_json(const json::value& value) { return json::serialize(sorted(value)); }

std::string CallReader::unique_id(std::string id) {
  std::string unique = is_accepted_id(id) ? std::move(id) : std::string();
  for (std::size_t n = ids_.size() + 1; unique.empty() || ids_.contains(unique); ++n)
    unique = fmt::format("call_{}", n);
  ids_.insert(unique);
  return unique;
}

Call CallReader::read(provider::ToolCall call) {
  Call made;
  made.name = printable(call.name, 200);
  // An over-long text is neither copied nor searched.
  made.arguments = parse_arguments(call.arguments, max_argument_bytes_);
  if (call.arguments.size() <= max_argument_bytes_ && holds_secret(call.arguments)) {
    call.arguments = redact(call.arguments);
    made.arguments = parse_arguments(call.arguments, max_argument_bytes_);
  }
  made.written = repair_utf8(std::string_view(call.arguments).substr(0, max_argument_bytes_));
  made.kept = {unique_id(std::move(call.id)), accepted_name(call.name),
               // Some vendors refuse a whole request for arguments in it that are not an object.
               made.arguments ? json::serialize(*made.arguments) : "{}"};
  made.key = made.name + '\n' + (made.arguments ? canonical_json(*made.arguments) : made.written);
  return made;
}

}  // namespace usher::agent
