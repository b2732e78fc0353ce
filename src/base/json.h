// The one JSON helper: bounded parsing and typed look-ups over Boost.JSON.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace usher {

namespace json = boost::json;

// Parses one JSON text of at most `max_bytes` and at most 32 levels. Numbers keep 64 bits. The value is in one piece.
Result<json::value> parse_json(std::string_view text, std::size_t max_bytes = 16u << 20);

// Storage for a value that is made (or parsed) once, read or written, and let go whole: a few large blocks instead of
// one for each member. What is erased or grows is not given back before the end, so not for values that live on and
// change.
json::storage_ptr one_piece();

// Whether some object of a well-formed text names a member twice. Readers differ in which of the two counts, so what
// grants rights must not hold one.
bool has_repeated_member(std::string_view text);

// Look-ups that answer nullptr / nullopt for an absent member or one of another type. `in` may be null.
const json::value* member(const json::value* in, std::string_view name);
const json::object* object_at(const json::value* in, std::string_view name);
const json::array* array_at(const json::value* in, std::string_view name);
std::optional<std::string_view> string_at(const json::value* in, std::string_view name);
std::optional<std::int64_t> integer_at(const json::value* in, std::string_view name);
std::optional<bool> bool_at(const json::value* in, std::string_view name);

}  // namespace usher
