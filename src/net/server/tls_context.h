// TLS for a server: certificate chain and key from PEM files, TLS 1.2 and 1.3, forward-secret AEAD ciphers only, ALPN
// http/1.1. Blocks while it reads the files.
#pragma once

#include <boost/asio/ssl/context.hpp>

#include "base/result.h"
#include "net/http_server.h"

namespace usher::net {

// io when a file cannot be read, invalid when it does not hold what it should; the message names the file.
Result<asio::ssl::context> make_server_tls(const TlsFiles& files);

}  // namespace usher::net
