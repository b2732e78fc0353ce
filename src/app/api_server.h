// The HTTP API of a running gateway: its stores, its service and what it listens on, TCP as config.toml says and always
// the operator's socket <data_dir>/usher.sock. Event-loop thread. Made before the loop runs (opening blocks) and
// destroyed after it.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "admin/api.h"
#include "audit/ledger.h"
#include "base/async.h"
#include "base/clock.h"
#include "channels/discord/discord.h"
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

// What the API works with. All references outlive it.
struct ApiParts {
  std::shared_ptr<const config::Config> config;
  const rbac::RoleResolver& roles;
  audit::Ledger& ledger;
  const Clock& clock;
  asio::any_io_executor loop;
  asio::any_io_executor pool;
  std::function<Result<void>()> readiness;  // what GET /readyz tells
  admin::FindConversations conversations = {};
  admin::Backups* backups = nullptr;
  std::map<std::string, discord::Discord*> interactive = {};  // channels that take interactions over HTTP, by name
};

// The file of the operator's socket.
std::filesystem::path socket_file(const config::Gateway& gateway);

// The service alone, for who asks it without a socket. `stores` outlive it. `hosts`: what Host may say.
std::unique_ptr<admin::Api> make_api(const ApiParts& parts, admin::ApiStores& stores, std::vector<std::string> hosts);

// Warns and goes on without TCP when the default port is taken (one that config.toml names is then an error), and
// without the socket when that cannot be made.
Result<std::unique_ptr<ApiServer>> make_api_server(ApiParts parts, std::size_t max_connections);

}  // namespace usher::app
