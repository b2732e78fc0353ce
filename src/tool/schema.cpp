#include "tool/schema.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "base/text.h"

namespace usher::tool {
namespace {

// Deeper schemas than any tool needs; what a schema does not describe is not walked at all.
constexpr int kMaxDepth = 16;

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }

// Holds every 64-bit integer and every double exactly.
std::optional<long double> number_of(const json::value& value) {
  if (value.is_int64()) return value.get_int64();
  if (value.is_uint64()) return value.get_uint64();
  if (value.is_double()) return value.get_double();
  return std::nullopt;
}

std::size_t code_points(std::string_view text) {
  std::size_t count = 0;
  for (unsigned char byte : text) count += (byte & 0xC0) != 0x80;
  return count;
}

bool is_of_type(const json::value& value, std::string_view type) {
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_bool();
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "null") return value.is_null();
  std::optional<long double> number = number_of(value);
  if (type == "number") return number.has_value();
  if (type == "integer") return number && std::trunc(*number) == *number;
  return false;
}

std::string article_for(std::string_view type) {
  if (type == "null" || type.empty()) return std::string(type);
  bool vowel = std::string_view("aeiou").find(type.front()) != std::string_view::npos;
  return fmt::format("{} {}", vowel ? "an" : "a", type);
}

// Walks schema and value together; `path` names the place in the sentence for the model.
class Walk {
 public:
  Result<void> check(const json::object& schema, const json::value& value, const std::string& path, int depth) const {
    if (depth > kMaxDepth) return broken(path, "is nested too deeply");
    Result<void> fits = check_type(schema, value, path);
    if (fits) fits = check_enum(schema, value, path);
    if (fits) fits = check_range(schema, value, path);
    if (fits && value.is_string()) {
      fits = check_size(schema, code_points(view(value.get_string())), "minLength", "maxLength", "character", path);
    }
    if (fits && value.is_array()) fits = check_array(schema, value.get_array(), path, depth);
    if (fits && value.is_object()) fits = check_object(schema, value.get_object(), path, depth);
    return fits;
  }

 private:
  static std::unexpected<Error> broken(const std::string& path, std::string_view what) {
    return fail(ErrorKind::invalid,
                path.empty() ? fmt::format("the arguments {}", what) : fmt::format("'{}' {}", path, what));
  }

  static Result<void> check_type(const json::object& schema, const json::value& value, const std::string& path) {
    const json::value* type = schema.if_contains("type");
    if (!type) return {};
    if (type->is_string() && is_of_type(value, view(type->get_string()))) return {};
    std::string expected = type->is_string() ? article_for(view(type->get_string())) : "";
    if (type->is_array()) {
      for (const json::value& one : type->get_array()) {
        if (!one.is_string()) continue;
        if (is_of_type(value, view(one.get_string()))) return {};
        expected += (expected.empty() ? "" : " or ") + article_for(view(one.get_string()));
      }
    }
    return broken(path, "must be " + expected);
  }

  static Result<void> check_enum(const json::object& schema, const json::value& value, const std::string& path) {
    const json::value* options = schema.if_contains("enum");
    if (!options || !options->is_array()) return {};
    std::string names;
    for (const json::value& option : options->get_array()) {
      if (option == value) return {};
      names += (names.empty() ? "" : ", ") + json::serialize(option);
    }
    return broken(path, "must be one of " + names);
  }

  static Result<void> check_range(const json::object& schema, const json::value& value, const std::string& path) {
    std::optional<long double> number = number_of(value);
    if (!number) return {};
    const json::value* least = schema.if_contains("minimum");
    const json::value* most = schema.if_contains("maximum");
    if (least && number_of(*least) && *number < *number_of(*least)) {
      return broken(path, "must be at least " + json::serialize(*least));
    }
    if (most && number_of(*most) && *number > *number_of(*most)) {
      return broken(path, "must be at most " + json::serialize(*most));
    }
    return {};
  }

  static Result<void> check_size(const json::object& schema, std::size_t size, const char* least_name,
                                 const char* most_name, std::string_view unit, const std::string& path) {
    auto bound = [&](const char* name) -> std::optional<long double> {
      const json::value* value = schema.if_contains(name);
      return value ? number_of(*value) : std::nullopt;
    };
    std::optional<long double> least = bound(least_name), most = bound(most_name);
    if (least && size < *least) {
      if (size == 0) return broken(path, "must not be empty");
      return broken(path, fmt::format("must have at least {} {}s", static_cast<std::int64_t>(*least), unit));
    }
    if (most && size > *most) {
      return broken(path,
                    fmt::format("must have at most {} {}s, not {}", static_cast<std::int64_t>(*most), unit, size));
    }
    return {};
  }

  Result<void> check_array(const json::object& schema, const json::array& array, const std::string& path,
                           int depth) const {
    Result<void> fits = check_size(schema, array.size(), "minItems", "maxItems", "item", path);
    const json::value* items = schema.if_contains("items");
    if (!fits || !items || !items->is_object()) return fits;
    for (std::size_t i = 0; fits && i < array.size(); ++i) {
      fits = check(items->get_object(), array[i], fmt::format("{}[{}]", path, i), depth + 1);
    }
    return fits;
  }

  Result<void> check_object(const json::object& schema, const json::object& object, const std::string& path,
                            int depth) const {
    static const json::object none;
    const json::value* declared = schema.if_contains("properties");
    const json::object& properties = declared && declared->is_object() ? declared->get_object() : none;
    Result<void> fits = check_required(schema, object, path);
    for (const json::key_value_pair& member : object) {
      if (!fits) return fits;
      std::string_view name(member.key().data(), member.key().size());
      std::string place = path.empty() ? printable(name, 64) : path + "." + printable(name, 64);
      const json::value* known = properties.if_contains(member.key());
      if (known) {
        if (known->is_object()) fits = check(known->get_object(), member.value(), place, depth + 1);
      } else {
        fits = check_additional(schema, properties, member.value(), place, depth);
      }
    }
    return fits;
  }

  static Result<void> check_required(const json::object& schema, const json::object& object, const std::string& path) {
    const json::value* required = schema.if_contains("required");
    if (!required || !required->is_array()) return {};
    for (const json::value& name : required->get_array()) {
      if (!name.is_string() || object.contains(view(name.get_string()))) continue;
      std::string place(view(name.get_string()));
      return broken(path.empty() ? place : path + "." + place, "is required");
    }
    return {};
  }

  Result<void> check_additional(const json::object& schema, const json::object& properties, const json::value& value,
                                const std::string& place, int depth) const {
    const json::value* additional = schema.if_contains("additionalProperties");
    if (additional && additional->is_object()) return check(additional->get_object(), value, place, depth + 1);
    if (additional && additional->is_bool() && additional->get_bool()) return {};
    std::string names;
    for (const json::key_value_pair& known : properties) {
      names +=
          fmt::format("{}'{}'", names.empty() ? "" : ", ", std::string_view(known.key().data(), known.key().size()));
    }
    return broken(place, names.empty() ? "is not known: no arguments are taken" : "is not known; known: " + names);
  }
};

}  // namespace

Result<void> validate(const json::object& schema, const json::value& value) {
  return Walk().check(schema, value, "", 0);
}

}  // namespace usher::tool
