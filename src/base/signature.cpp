#include "base/signature.h"

#include <openssl/evp.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace usher {
namespace {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

void require(bool succeeded, const char* what) {
  if (!succeeded) throw std::runtime_error(std::string("OpenSSL failed to ") + what);
}

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

Key load(const Secret& private_key) {
  const std::string& seed = private_key.expose();
  if (seed.size() != kPrivateKeyBytes) throw std::invalid_argument("a private key of another length");
  Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(seed), seed.size()));
  require(key != nullptr, "load a private key");
  return key;
}

}  // namespace

Secret make_private_key() {
  const Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  std::string seed(kPrivateKeyBytes, '\0');
  std::size_t size = seed.size();
  require(key && EVP_PKEY_get_raw_private_key(key.get(), reinterpret_cast<unsigned char*>(seed.data()), &size) == 1 &&
              size == seed.size(),
          "make a private key");
  return Secret(std::move(seed));
}

PublicKey public_key_of(const Secret& private_key) {
  const Key key = load(private_key);
  PublicKey raw{};
  std::size_t size = raw.size();
  require(EVP_PKEY_get_raw_public_key(key.get(), raw.data(), &size) == 1 && size == raw.size(), "derive a public key");
  return raw;
}

Signature sign(const Secret& private_key, std::string_view message) {
  const Key key = load(private_key);
  const Context context(EVP_MD_CTX_new());
  Signature signature{};
  std::size_t size = signature.size();
  require(context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
              EVP_DigestSign(context.get(), signature.data(), &size, bytes_of(message), message.size()) == 1 &&
              size == signature.size(),
          "sign");
  return signature;
}

bool is_signed_by(const PublicKey& key, std::string_view message, std::string_view signature) {
  if (signature.size() != sizeof(Signature)) return false;
  const Key loaded(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
  const Context context(EVP_MD_CTX_new());
  require(loaded && context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, loaded.get()) == 1,
          "verify a signature");
  return EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message), message.size()) == 1;
}

}  // namespace usher
