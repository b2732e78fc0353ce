#include "app/api_server.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "admin/api.h"
#include "admin/tokens.h"
#include "net/http_server.h"
#include "rbac/role.h"

namespace usher::app {
namespace {

struct ListenAddress {
  std::string host;  // IPv6 without brackets
  std::uint16_t port = 0;
};

// config has checked the form.
ListenAddress split(const std::string& listen) {
  const std::size_t colon = listen.rfind(':');
  std::string host = listen.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  return {std::move(host), static_cast<std::uint16_t>(std::stoi(listen.substr(colon + 1)))};
}

// What Host may say: the names of this machine with the port, and those of config.toml with and without it.
std::vector<std::string> host_names(const config::Gateway& gateway, const ListenAddress& address, std::uint16_t port) {
  std::vector<std::string> names{"localhost", "127.0.0.1", "[::1]"};
  const bool is_any = address.host == "0.0.0.0" || address.host == "::";
  if (!is_any) names.push_back(address.host.contains(':') ? fmt::format("[{}]", address.host) : address.host);
  std::vector<std::string> hosts;
  for (const std::string& name : names) hosts.push_back(fmt::format("{}:{}", name, port));
  for (const std::string& name : gateway.hosts) {
    hosts.push_back(name);
    if (!name.contains(':')) hosts.push_back(fmt::format("{}:{}", name, port));
  }
  return hosts;
}

std::vector<admin::LegacyKey> legacy_keys(const config::Api& api) {
  std::vector<admin::LegacyKey> keys;
  for (const config::LegacyKey& key : api.legacy_keys) keys.push_back({key.name, key.key, key.tenant, key.role});
  return keys;
}

class Listening final : public ApiServer {
 public:
  Listening(std::shared_ptr<const config::Config> config, const rbac::RoleResolver& roles, audit::Ledger& ledger,
            admin::ApiStores stores)
      : config_(std::move(config)), roles_(roles), ledger_(ledger), stores_(std::move(stores)) {}

  // The service needs the port and the server needs the service: so it is bound first and answered for from then on.
  Result<void> open(asio::any_io_executor loop, asio::any_io_executor pool, const Clock& clock,
                    std::size_t max_connections, std::function<Result<void>()> readiness) {
    const config::Gateway& gateway = config_->gateway;
    const ListenAddress address = split(gateway.listen);
    net::HttpServerOptions options{.address = address.host, .port = address.port, .max_connections = max_connections};
    if (!gateway.tls_certificate.empty()) options.tls = net::TlsFiles{gateway.tls_certificate, gateway.tls_key};
    const char* scheme = options.tls ? "https" : "http";
    auto server = net::make_http_server(loop, std::move(options), service_);
    if (!server) return fail(std::move(server.error()));
    server_ = std::move(*server);
    service_.api = admin::make_api(
        {.tokens = *stores_.tokens,
         .events = *stores_.events,
         .ledger = ledger_,
         .clock = clock,
         .pool = std::move(pool),
         .role_policy = [this](const std::string& tenant,
                               const std::string& role) { return roles_.policy_of(tenant, role); },
         .is_tenant = [config = config_](const std::string& name) { return config->tenants.contains(name); },
         .readiness = std::move(readiness)},
        {.hosts = host_names(gateway, address, server_->port()),
         .legacy_keys = legacy_keys(config_->api),
         .legacy_keys_skip_rbac = config_->api.legacy_keys_skip_rbac});
    spdlog::info("the API listens on {}://{}:{}", scheme,
                 address.host.contains(':') ? fmt::format("[{}]", address.host) : address.host, server_->port());
    return {};
  }

  Task<void> run() override { co_await server_->run(); }
  void stop(std::chrono::milliseconds grace) override { server_->stop(grace); }

 private:
  // The API, once it is there.
  struct Service final : net::HttpService {
    std::unique_ptr<net::HttpService> api;
    Task<std::expected<std::unique_ptr<net::Exchange>, net::ServerResponse>> admit(net::RequestHead head) override {
      return api->admit(std::move(head));
    }
  };

  std::shared_ptr<const config::Config> config_;
  const rbac::RoleResolver& roles_;
  audit::Ledger& ledger_;
  admin::ApiStores stores_;
  Service service_;
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace

Result<std::unique_ptr<ApiServer>> make_api_server(std::shared_ptr<const config::Config> config,
                                                   const rbac::RoleResolver& roles, audit::Ledger& ledger,
                                                   asio::any_io_executor loop, asio::any_io_executor pool,
                                                   const Clock& clock, std::size_t max_connections,
                                                   std::function<Result<void>()> readiness) {
  if (config->gateway.listen == "off") return nullptr;
  Result<admin::ApiStores> stores = admin::open_api_stores(config->gateway.data_dir / "api.db", loop);
  if (!stores) return fail(std::move(stores.error()));
  auto server = std::make_unique<Listening>(config, roles, ledger, std::move(*stores));
  Result<void> opened = server->open(loop, std::move(pool), clock, max_connections, std::move(readiness));
  if (opened) return server;
  if (opened.error().kind != ErrorKind::unavailable || !config->gateway.is_listen_default) {
    return fail(opened.error().kind, fmt::format("'listen': {}", opened.error().message));
  }
  spdlog::warn("there is no API: {}. Name another address as 'listen' in [gateway], or \"off\"",
               opened.error().message);
  return nullptr;
}

}  // namespace usher::app
