#include "tool/plain_json.h"

#include <doctest/doctest.h>

using namespace usher;

namespace {

std::string plain(const char* text) { return tool::plain_json(*parse_json(text)); }

}  // namespace

TEST_CASE("fractions are written without an exponent") {
  CHECK(plain("[0.5, 25.0, 0.03, 0.000001, 0.0, -9.5]") == "[0.5,25,0.03,0.000001,0,-9.5]");
  CHECK(plain(R"({"a":{"b":[1.25]},"c":[],"d":{}})") == R"({"a":{"b":[1.25]},"c":[],"d":{}})");
}

TEST_CASE("what millionths cannot hold keeps its value") {
  for (const char* text : {"1e-9", "0.1234567891", "1e300", "-2.5e-20", "123456789.123456789"}) {
    CAPTURE(text);
    CHECK(*parse_json(plain(text)) == *parse_json(text));
  }
}

TEST_CASE("everything but fractions is as Boost.JSON writes it") {
  const char* text = R"({"a\"b\n":"ü \u0001","n":null,"t":true,"i":-9223372036854775808,"u":18446744073709551615})";
  CHECK(plain(text) == json::serialize(*parse_json(text)));
}
