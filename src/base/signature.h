// Ed25519 signatures (RFC 8032) over OpenSSL. A private key is its seed of 32 bytes and travels as Secret. Any thread.
// Throws std::runtime_error where OpenSSL itself fails, std::invalid_argument for a private key of another length.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "base/secret.h"

namespace usher {

constexpr std::size_t kPrivateKeyBytes = 32;
using PublicKey = std::array<unsigned char, 32>;
using Signature = std::array<unsigned char, 64>;

// From OpenSSL's random source for private keys.
Secret make_private_key();
PublicKey public_key_of(const Secret& private_key);

Signature sign(const Secret& private_key, std::string_view message);
// False for anything but a signature of these very bytes by that key, whatever its length.
bool is_signed_by(const PublicKey& key, std::string_view message, std::string_view signature);

}  // namespace usher
