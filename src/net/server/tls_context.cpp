#include "net/server/tls_context.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <boost/asio/buffer.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/files.h"

namespace usher::net {

namespace {

namespace ssl = asio::ssl;
using ErrorCode = boost::system::error_code;

constexpr std::size_t max_pem_bytes = 1u << 20;
constexpr unsigned char spoken[] = "\x08http/1.1";

// A client that offers protocols, none of which is ours, is refused (RFC 7301, 3.2); one that offers none is served.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* length, const unsigned char* offered,
                    unsigned int offered_length, void*) {
  unsigned char* found = nullptr;
  const int verdict = SSL_select_next_proto(&found, length, spoken, sizeof spoken - 1, offered, offered_length);
  if (verdict != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

bool set_options(ssl::context& context) {
  SSL_CTX* native = context.native_handle();
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);  // idle connections are many
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(native, choose_protocol, nullptr);
  return SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(native, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1;
}

Result<void> use_certificate(ssl::context& context, const std::filesystem::path& file) {
  const Result<std::string> pem = read_file(file, max_pem_bytes);
  if (!pem) return fail(pem.error());
  ErrorCode error;
  context.use_certificate_chain(asio::buffer(*pem), error);
  if (!error) return {};
  return fail(ErrorKind::invalid,
              fmt::format("{} holds no usable PEM certificate chain: {}", file.native(), error.message()));
}

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

// Without a callback OpenSSL would ask on the terminal.
int refuse_password(char*, int, int, void* was_asked) {
  *static_cast<bool*>(was_asked) = true;
  return -1;
}

Result<void> use_key(ssl::context& context, const TlsFiles& files) {
  const Result<std::string> pem = read_file(files.key, max_pem_bytes);
  if (!pem) return fail(pem.error());
  bool is_encrypted = false;
  const std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(pem->data(), static_cast<int>(pem->size())));
  const std::unique_ptr<EVP_PKEY, Free> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, refuse_password, &is_encrypted));
  const bool fits = key && SSL_CTX_use_PrivateKey(context.native_handle(), key.get()) == 1 &&
                    SSL_CTX_check_private_key(context.native_handle()) == 1;
  ERR_clear_error();
  if (fits) return {};
  std::string_view why = "is not the key of that certificate";
  if (!key) why = is_encrypted ? "is encrypted; a key without a password is needed" : "holds no usable PEM key";
  return fail(ErrorKind::invalid, fmt::format("{} {}", files.key.native(), why));
}

}  // namespace

Result<ssl::context> make_server_tls(const TlsFiles& files) {
  ssl::context context(ssl::context::tls_server);
  if (!set_options(context)) return fail(ErrorKind::internal, "OpenSSL refuses the TLS options");
  Result<void> certified = use_certificate(context, files.certificate);
  if (!certified) return fail(std::move(certified.error()));
  Result<void> keyed = use_key(context, files);
  if (!keyed) return fail(std::move(keyed.error()));
  return context;
}

}  // namespace usher::net
