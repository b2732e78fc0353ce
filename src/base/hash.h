// SHA-256 and how digests are written. With base/signature.h all that is used of OpenSSL outside src/net.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace usher {

using Digest = std::array<unsigned char, 32>;

Digest sha256(std::string_view bytes);
// SHA-256 over each part preceded by its length as 8 bytes big-endian: no two lists of parts share an input.
Digest sha256_parts(std::span<const std::string_view> parts);

// SHA-256 piece by piece, for what is too large to hold. One thread at a time.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void add(std::string_view piece);
  // Once.
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Lower case, two digits a byte.
std::string to_hex(std::span<const unsigned char> bytes);
// What to_hex made of a digest; nullopt for anything else, upper case too.
std::optional<Digest> digest_from_hex(std::string_view hex);
// Standard alphabet with padding.
std::string to_base64(std::string_view bytes);
// What to_base64 makes of some bytes, and no other spelling of them.
std::optional<std::string> from_base64(std::string_view text);

// Equality in time that depends on the lengths alone.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace usher
