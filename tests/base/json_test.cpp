#include "base/json.h"

#include <doctest/doctest.h>

#include <string>

namespace usher {
namespace {

std::string nested(int levels) { return std::string(levels, '[') + std::string(levels, ']'); }

TEST_CASE("a JSON text within the bounds is parsed") {
  Result<json::value> value = parse_json(R"({"a": [1, "x", true], "b": {"c": null}})");
  REQUIRE(value.has_value());
  CHECK(array_at(&*value, "a")->size() == 3);
  CHECK(parse_json(" 5 ").has_value());
}

TEST_CASE("nesting is bounded at 32 levels") {
  CHECK(parse_json(nested(32)).has_value());
  CHECK_FALSE(parse_json(nested(33)).has_value());
  CHECK_FALSE(parse_json(nested(100'000)).has_value());
}

TEST_CASE("a text longer than allowed is refused unread") {
  CHECK(parse_json("[1,2]", 5).has_value());
  Result<json::value> refused = parse_json("[1,2]", 4);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == ErrorKind::invalid);
}

TEST_CASE("malformed texts are refused") {
  for (std::string_view text :
       {"", " ", "{", "[1,]", "{\"a\":1,}", "{'a':1}", "nul", "1 2", "[1]x", "NaN", "01", "\"a\nb\"", "\"\xFF\"",
        "\"\xED\xA0\x80\"", "\"\\ud800\"", "\"\\udc00\"", "// x\n1", "\"abc"}) {
    CAPTURE(text);
    Result<json::value> value = parse_json(text);
    REQUIRE_FALSE(value.has_value());
    CHECK(value.error().kind == ErrorKind::invalid);
  }
}

TEST_CASE("integers keep all their bits") {
  Result<json::value> value = parse_json(
      R"({"big":9223372036854775807,"low":-9223372036854775808,"past":9223372036854775808,"real":5.0,"text":"5"})");
  REQUIRE(value.has_value());
  CHECK(integer_at(&*value, "big") == 9223372036854775807);
  CHECK(integer_at(&*value, "low") == std::numeric_limits<std::int64_t>::min());
  CHECK_FALSE(integer_at(&*value, "past").has_value());
  CHECK_FALSE(integer_at(&*value, "real").has_value());
  CHECK_FALSE(integer_at(&*value, "text").has_value());
}

TEST_CASE("look-ups answer nothing for what is absent or of another type") {
  Result<json::value> value = parse_json(R"({"s":"x","b":false,"o":{"k":1},"a":[1],"n":null})");
  REQUIRE(value.has_value());
  const json::value* in = &*value;
  CHECK(string_at(in, "s") == "x");
  CHECK(bool_at(in, "b") == false);
  CHECK(object_at(in, "o")->size() == 1);
  CHECK(member(in, "n") != nullptr);
  CHECK(integer_at(member(in, "o"), "k") == 1);
  for (std::string_view name : {"absent", "n"}) {
    CHECK_FALSE(string_at(in, name).has_value());
    CHECK_FALSE(integer_at(in, name).has_value());
    CHECK_FALSE(bool_at(in, name).has_value());
    CHECK(object_at(in, name) == nullptr);
    CHECK(array_at(in, name) == nullptr);
  }
  CHECK(member(nullptr, "s") == nullptr);
  CHECK(member(member(in, "a"), "s") == nullptr);
  CHECK_FALSE(string_at(member(in, "s"), "s").has_value());
}

}  // namespace
}  // namespace usher
