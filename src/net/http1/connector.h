// Makes connections: name → addresses → TCP → TLS, each step within the deadline. Literal addresses need no resolver
// (and no resolver thread); the TLS context with the CA store is made when the first https connection is. Event-loop
// thread; must outlive its connections.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async.h"
#include "net/http1/connection.h"

namespace usher::net {

class Connector {
 public:
  Connector(asio::any_io_executor executor, std::chrono::milliseconds connect_timeout, std::string extra_ca_file);

  // A connection ready for a request. `endpoint` must outlive the call. Errors: unavailable naming the step (resolve,
  // connect, TLS), timeout when `deadline` passed, cancelled.
  Task<Result<std::shared_ptr<Connection>>> connect(const Endpoint& endpoint, Deadline deadline);

 private:
  using Address = asio::ip::tcp::endpoint;
  using Time = Connection::Time;

  Task<Result<std::vector<Address>>> resolve(const Endpoint& endpoint, Time due);
  Task<Result<std::shared_ptr<Connection>>> connect_to_host(const Endpoint& endpoint, Time due);
  Task<Result<std::shared_ptr<Connection>>> connect_to_socket(const Endpoint& endpoint, Time due);
  Task<Result<std::shared_ptr<Connection>>> connect_to_any(const Endpoint& endpoint,
                                                           const std::vector<Address>& addresses, Time due);
  Task<Result<void>> start_tls(Connection& connection, const Endpoint& endpoint, Time due);
  Result<asio::ssl::context*> tls_context();

  asio::any_io_executor executor_;
  std::chrono::milliseconds connect_timeout_;
  std::string extra_ca_file_;
  std::optional<asio::ip::tcp::resolver> resolver_;
  std::optional<asio::ssl::context> tls_context_;
};

}  // namespace usher::net
