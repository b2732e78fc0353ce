// The server behind TLS: the same answers, and what happens to clients that do not speak it.
#include <doctest/doctest.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <fstream>

#include "net/http_server_fixture.h"
#include "support/http/http_server.h"
#include "support/run_task.h"
#include "support/temp_dir.h"

namespace usher::net {

namespace {

namespace ssl = asio::ssl;
using testing::make_test_certificate;
using testing::run_task;
using testing::TempDir;
using testing::TestCertificate;

TlsFiles write_files(const TempDir& directory, const std::string& certificate_pem, const std::string& key_pem) {
  std::ofstream(directory / "server.pem") << certificate_pem;
  std::ofstream(directory / "server.key") << key_pem;
  return {directory / "server.pem", directory / "server.key"};
}

struct TlsServer {
  explicit TlsServer(HttpServerOptions options = {}) {
    options.tls = write_files(directory, certificate.certificate_pem, certificate.key_pem);
    std::ofstream(directory / "ca.pem") << certificate.ca_pem;
    fixture.emplace(options);
  }
  ServerFixture& operator*() { return *fixture; }
  ServerFixture* operator->() { return &*fixture; }

  TempDir directory;
  TestCertificate certificate = make_test_certificate("127.0.0.1", 30);
  std::optional<ServerFixture> fixture;
};

// A blocking TLS client that trusts anybody.
struct TlsClient {
  explicit TlsClient(std::uint16_t port, std::function<void(SSL_CTX*)> prepare = {}) {
    if (prepare) prepare(context.native_handle());
    stream.emplace(loop, context);
    stream->lowest_layer().connect({asio::ip::address_v4::loopback(), port});
    stream->handshake(ssl::stream_base::client, error);
  }
  std::string ask(std::string_view request) {
    asio::write(*stream, asio::buffer(request), error);
    std::string answer;
    boost::system::error_code end;
    asio::read(*stream, asio::dynamic_buffer(answer), end);  // until the server closes
    is_closed_properly = end == asio::error::eof;
    return answer;
  }

  asio::io_context loop{1};
  ssl::context context{ssl::context::tls_client};
  std::optional<ssl::stream<asio::ip::tcp::socket>> stream;
  boost::system::error_code error;
  bool is_closed_properly = false;
};

Error refusal(const TlsFiles& files) {
  asio::io_context loop(1);
  TestService service;
  const Result<std::unique_ptr<HttpServer>> server = make_http_server(loop.get_executor(), {.tls = files}, service);
  REQUIRE_FALSE(server);
  return server.error();
}

bool mentions(const Error& error, const std::string& words) { return error.message.find(words) != std::string::npos; }

std::string encrypted(const std::string& key_pem) {
  BIO* in = BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
  BIO* out = BIO_new(BIO_s_mem());
  unsigned char password[] = "pass";
  PEM_write_bio_PrivateKey(out, key, EVP_aes_128_cbc(), password, 4, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  std::string pem(data, static_cast<std::size_t>(size));
  BIO_free(in);
  BIO_free(out);
  EVP_PKEY_free(key);
  return pem;
}

}  // namespace

TEST_CASE("usher's own client talks TLS to it and checks its certificate") {
  TlsServer server;
  server->service.max_body_bytes = 4u << 20;
  server->start();
  asio::io_context loop(1);
  const std::unique_ptr<HttpClient> client =
      make_http_client(loop.get_executor(), {.extra_ca_file = (server.directory / "ca.pem").string()});
  const Endpoint endpoint{.is_tls = true, .host = "127.0.0.1", .port = server->port()};
  for (const std::size_t size : {0u, 1u, 20'000u, 3'000'000u}) {
    HttpRequest request;
    request.endpoint = &endpoint;
    request.target = "/x";
    request.body = std::string(size, 'x');
    const Result<HttpResponse> response = run_task(loop, client->send(std::move(request), Deadline::in(10s)));
    REQUIRE(response);
    CHECK(response->body.size() == 8 + size);
  }
}

TEST_CASE("a TLS connection ends with a close_notify") {
  TlsServer server;
  server->start();
  TlsClient client(server->port());
  CHECK(client.ask("GET / HTTP/1.0\r\n\r\n").ends_with("GET / "));
  CHECK(client.is_closed_properly);
}

TEST_CASE("a slow or refused client is told so over TLS too") {
  TlsServer server({.idle_timeout = 1h, .head_timeout = 1h, .body_timeout = 50ms});
  server->service.refuse = [](const RequestHead& head) -> std::optional<ServerResponse> {
    if (head.target == "/no") return ServerResponse{.status = 401, .body = "{}"};
    return std::nullopt;
  };
  server->start();
  TlsClient slow(server->port());
  CHECK(slow.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc").starts_with("HTTP/1.1 408 "));
  TlsClient refused(server->port());
  CHECK(refused.ask("POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n" + std::string(100'000, 'x'))
            .starts_with("HTTP/1.1 401 "));
}

TEST_CASE("what is not TLS is closed, and TLS clients go on being served") {
  TlsServer server;
  server->start();
  for (const std::string& bytes :
       {get("/"), std::string("\x16\x03\x01\x00\x05hello", 10), std::string(10'000, '\xff')}) {
    RawClient client(*server);
    client.send(bytes);
    CHECK(client.read_to_end().find("HTTP/1.1") == std::string::npos);
  }
  RawClient cut(*server);
  cut.send("\x16\x03");
  cut.end();
  CHECK(cut.is_closed());
  CHECK(TlsClient(server->port()).ask("GET / HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 200 "));
  CHECK(server->service.admitted == 1);
}

TEST_CASE("a handshake that does not come is given up, and stop() does not wait for one") {
  TlsServer impatient({.idle_timeout = 1h, .head_timeout = 50ms});
  impatient->start();
  RawClient silent(*impatient);
  CHECK(silent.is_closed());

  TlsServer server({.idle_timeout = 1h, .head_timeout = 1h});
  server->start();
  RawClient waiting(*server);
  TlsClient idle(server->port());  // accepted after the other one
  REQUIRE_FALSE(idle.error);
  server->stop(1h);
  server->wait();
  CHECK(waiting.is_closed());
}

TEST_CASE("TLS before 1.2 is refused") {
  TlsServer server;
  server->start();
  for (const int version : {TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    const TlsClient client(server->port(), [version](SSL_CTX* context) {
      SSL_CTX_set_min_proto_version(context, version);
      SSL_CTX_set_max_proto_version(context, version);
      SSL_CTX_set_cipher_list(context, "DEFAULT@SECLEVEL=0");
    });
    if (version == TLS1_1_VERSION) {
      CHECK(client.error.message().find("protocol version") != std::string::npos);
    } else {
      CHECK_FALSE(client.error);
    }
  }
}

TEST_CASE("ALPN: http/1.1 is chosen, no protocol is fine, others only are refused") {
  TlsServer server;
  server->start();
  const auto offer = [&](std::string protocols) {
    return std::make_unique<TlsClient>(server->port(), [protocols](SSL_CTX* context) {
      SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(protocols.data()),
                              static_cast<unsigned>(protocols.size()));
    });
  };
  const std::unique_ptr<TlsClient> both = offer("\x02h2\x08http/1.1");
  REQUIRE_FALSE(both->error);
  const unsigned char* chosen = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(both->stream->native_handle(), &chosen, &length);
  CHECK(std::string(reinterpret_cast<const char*>(chosen), length) == "http/1.1");
  CHECK_FALSE(offer("")->error);
  CHECK(offer("\x02h2")->error);
}

TEST_CASE("TLS files that cannot be used are named with what is wrong") {
  const TestCertificate certificate = make_test_certificate("127.0.0.1", 30);
  const TestCertificate other = make_test_certificate("127.0.0.1", 30);
  const TempDir directory;
  const Error missing = refusal({directory / "none.pem", directory / "none.key"});
  CHECK(missing.kind != ErrorKind::invalid);
  CHECK(mentions(missing, "none.pem"));
  const Error garbage = refusal(write_files(directory, "not a certificate", certificate.key_pem));
  CHECK(garbage.kind == ErrorKind::invalid);
  CHECK(mentions(garbage, "server.pem holds no usable PEM certificate chain"));
  const Error no_key = refusal(write_files(directory, certificate.certificate_pem, "not a key"));
  CHECK(no_key.kind == ErrorKind::invalid);
  CHECK(mentions(no_key, "server.key holds no usable PEM key"));
  const Error foreign = refusal(write_files(directory, certificate.certificate_pem, other.key_pem));
  CHECK(foreign.kind == ErrorKind::invalid);
  CHECK(mentions(foreign, "server.key is not the key of that certificate"));
  const Error locked = refusal(write_files(directory, certificate.certificate_pem, encrypted(certificate.key_pem)));
  CHECK(locked.kind == ErrorKind::invalid);
  CHECK(mentions(locked, "server.key is encrypted"));
}

}  // namespace usher::net
