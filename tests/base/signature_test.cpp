#include "base/signature.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include "base/hash.h"

namespace usher {
namespace {

std::string bytes_of(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::string text_of(const Signature& signature) { return {signature.begin(), signature.end()}; }

// RFC 8032, 7.1: tests 1, 2 and 3.
struct Vector {
  const char* private_key;
  const char* public_key;
  const char* message;
  const char* signature;
};
constexpr Vector kVectors[] = {{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
                                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39"
                                "701cf9b46bd25bf5f0595bbe246551"
                                "41438e7a100b"},
                               {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
                                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f36"
                                "13d0f11d8c387b2eaeb4302aeeb00d"
                                "291612bb0c00"},
                               {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                                "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
                                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f7"
                                "60984dc6594a7c15e9716ed28dc027"
                                "beceea1ec40a"}};

TEST_CASE("keys and signatures are those of RFC 8032") {
  for (const Vector& vector : kVectors) {
    const Secret key(bytes_of(vector.private_key));
    const std::string message = bytes_of(vector.message);
    CHECK(to_hex(public_key_of(key)) == vector.public_key);
    const Signature signature = sign(key, message);
    CHECK(to_hex(signature) == vector.signature);
    CHECK(is_signed_by(public_key_of(key), message, text_of(signature)));
  }
}

TEST_CASE("a signature is of one message, by one key") {
  const Secret key = make_private_key();
  const PublicKey public_key = public_key_of(key);
  const std::string signature = text_of(sign(key, "message"));
  CHECK(is_signed_by(public_key, "message", signature));
  CHECK_FALSE(is_signed_by(public_key, "messages", signature));
  CHECK_FALSE(is_signed_by(public_key_of(make_private_key()), "message", signature));
  for (std::size_t i = 0; i < signature.size(); ++i) {
    std::string changed = signature;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    CHECK_FALSE(is_signed_by(public_key, "message", changed));
  }
  CHECK_FALSE(is_signed_by(public_key, "message", signature.substr(1)));
  CHECK_FALSE(is_signed_by(public_key, "message", ""));
}

TEST_CASE("a key of another length is refused") {
  CHECK_THROWS_AS((void)public_key_of(Secret("short")), std::invalid_argument);
  CHECK_THROWS_AS((void)sign(Secret(std::string(33, 'x')), "m"), std::invalid_argument);
}

}  // namespace
}  // namespace usher
