#include "net/http1/connector.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <utility>

#include "net/http1/request_head.h"

namespace usher::net {

namespace {

namespace ip = asio::ip;
using ErrorCode = boost::system::error_code;
using Clock = std::chrono::steady_clock;

// A look-up that may outlive its caller: getaddrinfo cannot be interrupted, so it is abandoned instead.
struct Lookup {
  explicit Lookup(const asio::any_io_executor& executor) : done(executor) {}
  asio::steady_timer done;
  ErrorCode error;
  std::vector<ip::tcp::endpoint> found;
  bool is_over = false;
};

// IPv6 and IPv4 in turns, the resolver's order otherwise: one family that leads nowhere does not use up the whole time.
std::vector<ip::tcp::endpoint> interleaved(const std::vector<ip::tcp::endpoint>& found) {
  constexpr std::size_t max_addresses = 8;
  std::vector<ip::tcp::endpoint> first, second, mixed;
  for (const ip::tcp::endpoint& address : found) {
    (address.address().is_v6() == found.front().address().is_v6() ? first : second).push_back(address);
  }
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) mixed.push_back(first[i]);
    if (i < second.size()) mixed.push_back(second[i]);
  }
  if (mixed.size() > max_addresses) mixed.resize(max_addresses);
  return mixed;
}

std::unexpected<Error> failed(const Endpoint& endpoint, std::string_view step, std::string_view why) {
  return fail(ErrorKind::unavailable, fmt::format("{}: {}: {}", name_of(endpoint), step, why));
}

std::unexpected<Error> cancelled(const Endpoint& endpoint, std::string_view step) {
  return fail(ErrorKind::cancelled, fmt::format("{}: {}: cancelled", name_of(endpoint), step));
}

std::string tls_failure(Connection::TlsStream& stream, const ErrorCode& error) {
  const long verdict = SSL_get_verify_result(stream.native_handle());
  if (verdict != X509_V_OK) return fmt::format("certificate refused: {}", X509_verify_cert_error_string(verdict));
  return error.message();
}

// The name goes into SNI and is what the certificate must be for; an address is checked against the address entries.
bool expect_peer(SSL* ssl, const std::string& host) {
  ErrorCode not_an_address;
  ip::make_address(host, not_an_address);
  if (!not_an_address) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set_tlsext_host_name(ssl, host.c_str()) == 1 && SSL_set1_host(ssl, host.c_str()) == 1;
}

}  // namespace

Connector::Connector(asio::any_io_executor executor, std::chrono::milliseconds connect_timeout,
                     std::string extra_ca_file)
    : executor_(std::move(executor)), connect_timeout_(connect_timeout), extra_ca_file_(std::move(extra_ca_file)) {}

Task<Result<std::shared_ptr<Connection>>> Connector::connect(const Endpoint& endpoint, Deadline deadline) {
  const Time due = deadline.capped(connect_timeout_).time();
  Result<std::shared_ptr<Connection>> connection = fail(ErrorKind::internal, "not connected");
  if (endpoint.socket_file.empty()) {
    connection = co_await connect_to_host(endpoint, due);
  } else {
    connection = co_await connect_to_socket(endpoint, due);
  }
  if (connection && endpoint.is_tls) {
    Result<void> secured = co_await start_tls(**connection, endpoint, due);
    if (!secured) connection = fail(std::move(secured.error()));
  }
  if (!connection && connection.error().kind == ErrorKind::unavailable && deadline.has_passed()) {
    connection.error().kind = ErrorKind::timeout;
  }
  co_return connection;
}

Task<Result<std::shared_ptr<Connection>>> Connector::connect_to_host(const Endpoint& endpoint, Time due) {
  Result<std::vector<Address>> addresses = co_await resolve(endpoint, due);
  if (!addresses) co_return fail(std::move(addresses.error()));
  Result<std::shared_ptr<Connection>> connection = co_await connect_to_any(endpoint, *addresses, due);
  co_return connection;
}

Task<Result<std::shared_ptr<Connection>>> Connector::connect_to_socket(const Endpoint& endpoint, Time due) {
  Result<UnixAddress> address = UnixAddress::of(endpoint.socket_file);
  if (!address) co_return failed(endpoint, "connect", address.error().message);
  auto connection = std::make_shared<Connection>(executor_);
  connection->give_until(due);
  ErrorCode error;
  co_await connection->socket().async_connect(address->endpoint(), asio::redirect_error(asio::use_awaitable, error));
  if (!error) connection->socket().non_blocking(true, error);
  if (!error) co_return connection;
  if (connection->has_expired()) co_return failed(endpoint, "connect", "no answer in time");
  if (error == asio::error::operation_aborted) co_return cancelled(endpoint, "connect");
  co_return failed(endpoint, "connect", error.message());
}

Task<Result<std::vector<Connector::Address>>> Connector::resolve(const Endpoint& endpoint, Time due) {
  ErrorCode not_an_address;
  const ip::address literal = ip::make_address(endpoint.host, not_an_address);
  if (!not_an_address) co_return std::vector<Address>{Address(literal, endpoint.port)};
  if (!resolver_) resolver_.emplace(executor_);
  auto lookup = std::make_shared<Lookup>(executor_);
  lookup->done.expires_at(due);
  resolver_->async_resolve(endpoint.host, std::to_string(endpoint.port), ip::tcp::resolver::numeric_service,
                           [lookup](ErrorCode error, const ip::tcp::resolver::results_type& results) {
                             lookup->error = error;
                             lookup->is_over = true;
                             for (const auto& entry : results) lookup->found.push_back(entry.endpoint());
                             lookup->done.cancel();
                           });
  ErrorCode ignored;
  co_await lookup->done.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  if (!lookup->is_over) {
    if (Clock::now() < due) co_return cancelled(endpoint, "resolve");
    co_return failed(endpoint, "resolve", "no answer in time");
  }
  if (lookup->error) co_return failed(endpoint, "resolve", lookup->error.message());
  if (lookup->found.empty()) co_return failed(endpoint, "resolve", "no address");
  co_return interleaved(lookup->found);
}

Task<Result<std::shared_ptr<Connection>>> Connector::connect_to_any(const Endpoint& endpoint,
                                                                    const std::vector<Address>& addresses, Time due) {
  std::string why = "no address";
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const Time now = Clock::now();
    if (now >= due) break;
    auto connection = std::make_shared<Connection>(executor_);
    connection->give_until(now + (due - now) / static_cast<int>(addresses.size() - i));
    ErrorCode error;
    co_await connection->socket().async_connect(StreamEndpoint(addresses[i]),
                                                asio::redirect_error(asio::use_awaitable, error));
    if (!error) {
      connection->socket().set_option(ip::tcp::no_delay(true), error);
      connection->socket().non_blocking(true, error);
      if (!error) co_return connection;
    }
    if (error == asio::error::operation_aborted && !connection->has_expired()) co_return cancelled(endpoint, "connect");
    why = connection->has_expired() ? "no answer in time" : error.message();
  }
  co_return failed(endpoint, "connect", why);
}

Task<Result<void>> Connector::start_tls(Connection& connection, const Endpoint& endpoint, Time due) {
  Result<asio::ssl::context*> context = tls_context();
  if (!context) co_return failed(endpoint, "TLS", context.error().message);
  Connection::TlsStream& stream = connection.start_tls(**context);
  if (!expect_peer(stream.native_handle(), endpoint.host)) co_return failed(endpoint, "TLS", "unusable host name");
  connection.give_until(due);
  ErrorCode error;
  co_await stream.async_handshake(asio::ssl::stream_base::client, asio::redirect_error(asio::use_awaitable, error));
  if (!error) co_return Result<void>();
  if (connection.has_expired()) co_return failed(endpoint, "TLS", "no answer in time");
  if (error == asio::error::operation_aborted) co_return cancelled(endpoint, "TLS");
  co_return failed(endpoint, "TLS", tls_failure(stream, error));
}

Result<asio::ssl::context*> Connector::tls_context() {
  if (tls_context_) return &*tls_context_;
  asio::ssl::context context(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
  static constexpr unsigned char protocols[] = "\x08http/1.1";
  SSL_CTX_set_alpn_protos(context.native_handle(), protocols, sizeof(protocols) - 1);
  ErrorCode error;
  context.set_verify_mode(asio::ssl::verify_peer, error);
  if (!error) context.set_default_verify_paths(error);
  if (error) return fail(ErrorKind::unavailable, "cannot load the system's CA store: " + error.message());
  if (!extra_ca_file_.empty()) {
    context.load_verify_file(extra_ca_file_, error);
    if (error) return fail(ErrorKind::unavailable, fmt::format("cannot load {}: {}", extra_ca_file_, error.message()));
  }
  tls_context_.emplace(std::move(context));
  return &*tls_context_;
}

}  // namespace usher::net
