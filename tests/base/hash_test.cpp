#include "base/hash.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

namespace usher {
namespace {

std::string hex_of_parts(std::vector<std::string_view> parts) { return to_hex(sha256_parts(parts)); }

TEST_CASE("a digest made piece by piece is that of the whole") {
  const std::string text(100'000, 'x');
  Sha256 pieces;
  for (std::size_t at = 0; at < text.size(); at += 777) pieces.add(std::string_view(text).substr(at, 777));
  CHECK(pieces.finish() == sha256(text));
  CHECK(Sha256().finish() == sha256(""));
}

TEST_CASE("SHA-256 gives the published digests") {
  CHECK(to_hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(to_hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("parts that join to the same bytes have different digests") {
  CHECK(hex_of_parts({"ab", "c"}) == "601d5476e2ccfe2c87a2bba7a322659734a05749d5b5aa781f513e4912db0d5f");
  CHECK(hex_of_parts({"a", "bc"}) == "3fafa1cf2f19a7c1129beb20cf0983f73a489a221fc0dd2f16d1be292d089205");
  CHECK(hex_of_parts({}) == to_hex(sha256("")));
  CHECK(hex_of_parts({""}) != hex_of_parts({}));
}

TEST_CASE("hashing in many threads at once gives the same digests") {
  std::array<bool, 4> right{};
  std::vector<std::thread> threads;
  for (bool& is_right : right) {
    threads.emplace_back([&is_right] {
      is_right = true;
      for (int i = 0; i < 200; ++i) is_right = is_right && to_hex(sha256("abc")).starts_with("ba7816bf");
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (bool is_right : right) CHECK(is_right);
}

TEST_CASE("base64 has the standard alphabet and padding") {
  CHECK(to_base64("") == "");
  CHECK(to_base64("f") == "Zg==");
  CHECK(to_base64("fo") == "Zm8=");
  CHECK(to_base64("foo") == "Zm9v");
  CHECK(to_base64("foobar") == "Zm9vYmFy");
  CHECK(to_base64("\xFB\xFF\xBF") == "+/+/");
  CHECK(to_base64(std::string(3'000, '\0')) == std::string(4'000, 'A'));
}

TEST_CASE("base64 is read back, and in its one spelling only") {
  for (std::size_t size = 0; size < 70; ++size) {
    const std::string bytes(size, static_cast<char>(size * 37));
    CHECK(from_base64(to_base64(bytes)) == bytes);
  }
  for (const char* bad :
       {"Z", "Zg", "Zg=", "Zg==\n", " Zg==", "Zh==", "Zm9=", "Zm9vYg", "====", "Zg==Zg==", "Zm9v-_8=", "Z g="}) {
    CAPTURE(bad);
    CHECK_FALSE(from_base64(bad));
  }
}

TEST_CASE("a digest is read from its 64 lower-case digits and nothing else") {
  const std::string hex = to_hex(sha256("abc"));
  CHECK(digest_from_hex(hex) == sha256("abc"));
  for (const std::string& bad : {std::string(), hex.substr(1), hex + "0", "B" + hex.substr(1), "g" + hex.substr(1)}) {
    CAPTURE(bad);
    CHECK_FALSE(digest_from_hex(bad));
  }
}

TEST_CASE("constant-time equality is equality") {
  CHECK(equal_in_constant_time("", ""));
  CHECK(equal_in_constant_time("token", "token"));
  CHECK_FALSE(equal_in_constant_time("token", "tokem"));
  CHECK_FALSE(equal_in_constant_time("token", "token "));
  CHECK_FALSE(equal_in_constant_time("token", ""));
}

}  // namespace
}  // namespace usher
