#include "base/json.h"

#include <fmt/format.h>

#include <limits>

namespace usher {

Result<json::value> parse_json(std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes) {
    return fail(ErrorKind::invalid,
                fmt::format("JSON of {} bytes is longer than the {} allowed", text.size(), max_bytes));
  }
  json::parse_options options;
  options.max_depth = 32;
  boost::system::error_code error;
  json::value value = json::parse(json::string_view(text.data(), text.size()), error, one_piece(), options);
  if (error) return fail(ErrorKind::invalid, "malformed JSON: " + error.message());
  return value;
}

json::storage_ptr one_piece() { return json::make_shared_resource<json::monotonic_resource>(); }

const json::value* member(const json::value* in, std::string_view name) {
  const json::object* object = in ? in->if_object() : nullptr;
  return object ? object->if_contains(json::string_view(name.data(), name.size())) : nullptr;
}

const json::object* object_at(const json::value* in, std::string_view name) {
  const json::value* value = member(in, name);
  return value ? value->if_object() : nullptr;
}

const json::array* array_at(const json::value* in, std::string_view name) {
  const json::value* value = member(in, name);
  return value ? value->if_array() : nullptr;
}

std::optional<std::string_view> string_at(const json::value* in, std::string_view name) {
  const json::value* value = member(in, name);
  const json::string* text = value ? value->if_string() : nullptr;
  if (!text) return std::nullopt;
  return std::string_view(text->data(), text->size());
}

std::optional<std::int64_t> integer_at(const json::value* in, std::string_view name) {
  const json::value* value = member(in, name);
  if (!value) return std::nullopt;
  if (const std::int64_t* number = value->if_int64()) return *number;
  const std::uint64_t* number = value->if_uint64();
  if (!number || *number > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

std::optional<bool> bool_at(const json::value* in, std::string_view name) {
  const json::value* value = member(in, name);
  const bool* flag = value ? value->if_bool() : nullptr;
  if (!flag) return std::nullopt;
  return *flag;
}

}  // namespace usher
