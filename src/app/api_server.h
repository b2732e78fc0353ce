// The HTTP API of a running gateway: its stores, its service and its listening socket. Event-loop thread. Made before
// the loop runs (opening blocks) and destroyed after it.
#pragma once

#include <functional>
#include <memory>

#include "audit/ledger.h"
#include "base/async.h"
#include "base/clock.h"
#include "config/config.h"
#include "rbac/role.h"

namespace usher::app {

class ApiServer {
 public:
  virtual ~ApiServer() = default;
  // Serves until stop().
  virtual Task<void> run() = 0;
  // Lets running requests end within `grace`.
  virtual void stop(std::chrono::milliseconds grace) = 0;
};

// nullptr where nothing is to listen: for listen = "off" (no file is made), and with a warning when the default port is
// taken; one that config.toml names is then an error. `readiness`: what GET /readyz tells. `roles`, `ledger` and
// `clock` outlive the server.
Result<std::unique_ptr<ApiServer>> make_api_server(std::shared_ptr<const config::Config> config,
                                                   const rbac::RoleResolver& roles, audit::Ledger& ledger,
                                                   asio::any_io_executor loop, asio::any_io_executor pool,
                                                   const Clock& clock, std::size_t max_connections,
                                                   std::function<Result<void>()> readiness);

}  // namespace usher::app
