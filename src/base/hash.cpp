#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <climits>
#include <cstdint>
#include <memory>
#include <stdexcept>

namespace usher {

namespace {

// Fetched once: a fetch by name takes locks and a provider look-up, and would cost more than hashing a short text.
const EVP_MD* sha256_method() {
  static const EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  if (!method) throw std::runtime_error("OpenSSL offers no SHA-256");
  return method;
}

void require(int succeeded) {
  if (succeeded != 1) throw std::runtime_error("OpenSSL failed to hash");
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

}  // namespace

Digest sha256(std::string_view bytes) {
  Digest digest{};
  require(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, sha256_method(), nullptr));
  return digest;
}

Digest sha256_parts(std::span<const std::string_view> parts) {
  // Kept: setting one up costs more than hashing the few short texts that come here.
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  if (!context) throw std::bad_alloc();
  require(EVP_DigestInit_ex2(context.get(), sha256_method(), nullptr));
  for (std::string_view part : parts) {
    std::array<unsigned char, 8> length{};
    for (std::size_t i = 0; i < 8; ++i)
      length[i] = static_cast<unsigned char>(std::uint64_t{part.size()} >> (56 - 8 * i));
    require(EVP_DigestUpdate(context.get(), length.data(), length.size()));
    require(EVP_DigestUpdate(context.get(), part.data(), part.size()));
  }
  Digest digest{};
  require(EVP_DigestFinal_ex(context.get(), digest.data(), nullptr));
  return digest;
}

std::string to_hex(std::span<const unsigned char> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(bytes.size() * 2, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    text[2 * i] = digits[bytes[i] >> 4];
    text[2 * i + 1] = digits[bytes[i] & 15];
  }
  return text;
}

std::string to_base64(std::string_view bytes) {
  if (bytes.size() > INT_MAX / 2) throw std::length_error("too long for base64");
  // One byte more than the text: OpenSSL writes a terminating zero.
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  int written = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(written));
  return text;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace usher
