#include <doctest/doctest.h>

#include <fstream>

#include "net/fixture.h"
#include "support/temp_dir.h"

namespace usher::net {

namespace {

using testing::make_test_certificate;
using testing::TestCertificate;

// A TLS server with a certificate for `host` and a client that trusts the CA of `trusted`.
struct TlsFixture {
  TlsFixture(const TestCertificate& certificate, const std::string& trusted_pem)
      : script{{HttpReply{.body = "secret place"}}},
        server(loop.get_executor(), script.handler(), certificate.certificate_pem, certificate.key_pem) {
    if (!trusted_pem.empty()) {
      std::ofstream(directory / "ca.pem") << trusted_pem;
      options.extra_ca_file = (directory / "ca.pem").string();
    }
    client = make_http_client(loop.get_executor(), options);
    endpoint = Endpoint{.is_tls = true, .host = "127.0.0.1", .port = server.port()};
  }

  Result<HttpResponse> send(std::string body = "{}") {
    HttpRequest request;
    request.endpoint = &endpoint;
    request.target = "/x";
    request.body = std::move(body);
    return run_task(loop, client->send(std::move(request), Deadline::in(patience)));
  }
  // The reason why nothing was sent.
  std::string refusal() {
    const Result<HttpResponse> response = send();
    REQUIRE_FALSE(response);
    CHECK(response.error().kind == ErrorKind::unavailable);
    CHECK(script.calls.empty());
    return response.error().message;
  }

  testing::TempDir directory;
  asio::io_context loop{1};
  Script script;
  HttpServer server;
  HttpClientOptions options;
  std::unique_ptr<HttpClient> client;
  Endpoint endpoint;
};

}  // namespace

TEST_CASE("a certificate for the host by a trusted CA is accepted and the connection is kept") {
  const TestCertificate certificate = make_test_certificate("127.0.0.1", 30);
  TlsFixture f(certificate, certificate.ca_pem);
  for (int i = 0; i < 3; ++i) {
    const Result<HttpResponse> response = f.send();
    REQUIRE(response);
    CHECK(response->body == "secret place");
  }
  const std::string large(3u << 20, 'x');
  REQUIRE(f.send(large));
  CHECK(f.script.calls.back().body == large);
  CHECK(f.server.connections() == 1);
}

TEST_CASE("a name is checked like an address") {
  const TestCertificate certificate = make_test_certificate("localhost", 30);
  TlsFixture f(certificate, certificate.ca_pem);
  f.endpoint.host = "localhost";
  CHECK(f.send());
}

TEST_CASE("a certificate for another host is refused before the request is sent") {
  for (const char* host : {"example.com", "127.0.0.2", "localhost"}) {
    CAPTURE(host);
    const TestCertificate certificate = make_test_certificate(host, 30);
    TlsFixture f(certificate, certificate.ca_pem);
    const std::string why = f.refusal();
    CAPTURE(why);
    CHECK(why.find("IP address mismatch") != std::string::npos);
  }
  const TestCertificate certificate = make_test_certificate("example.com", 30);
  TlsFixture f(certificate, certificate.ca_pem);
  f.endpoint.host = "localhost";
  CHECK(f.refusal().find("hostname mismatch") != std::string::npos);
}

TEST_CASE("an expired certificate is refused") {
  const TestCertificate expired = make_test_certificate("127.0.0.1", -1);
  TlsFixture f(expired, expired.ca_pem);
  CHECK(f.refusal().find("expired") != std::string::npos);
}

TEST_CASE("a certificate by an unknown CA is refused") {
  const TestCertificate certificate = make_test_certificate("127.0.0.1", 30);
  const TestCertificate other = make_test_certificate("127.0.0.1", 30);
  TlsFixture none(certificate, "");
  CHECK(none.refusal().find("certificate refused") != std::string::npos);
  TlsFixture wrong(certificate, other.ca_pem);
  CHECK(wrong.refusal().find("certificate refused") != std::string::npos);
}

TEST_CASE("a CA file that cannot be read closes TLS instead of opening it") {
  const TestCertificate certificate = make_test_certificate("127.0.0.1", 30);
  TlsFixture f(certificate, "not a certificate");
  CHECK(f.refusal().find("ca.pem") != std::string::npos);
}

TEST_CASE("a server that does not speak TLS is unavailable") {
  HttpClientOptions options;
  options.connect_timeout = std::chrono::seconds(1);
  Fixture plain({HttpReply{}}, options);
  plain.endpoint.is_tls = true;
  const Result<HttpResponse> response = plain.send();
  REQUIRE_FALSE(response);
  CHECK(response.error().kind == ErrorKind::unavailable);
  CHECK(response.error().message.find("TLS") != std::string::npos);
}

}  // namespace usher::net
