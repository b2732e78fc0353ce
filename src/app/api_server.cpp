#include "app/api_server.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include "admin/api.h"
#include "admin/tokens.h"
#include "app/channels/interaction_door.h"
#include "net/http_server.h"
#include "rbac/role.h"

namespace usher::app {
namespace {

// Of the operator's socket: its commands come one by one, and some look at much.
constexpr std::size_t kSocketConnections = 32;
constexpr std::chrono::seconds kSocketPatience{60};

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
  Listening(ApiParts parts, admin::ApiStores stores)
      : parts_(std::move(parts)), stores_(std::move(stores)), service_(InteractionDoor(parts_.interactive)) {}

  Result<void> open(std::size_t max_connections) {
    std::vector<std::string> hosts;
    Result<void> listening;
    if (parts_.config->gateway.listen != "off") listening = listen(max_connections, hosts);
    if (!listening) return listening;
    service_.api = make_api(parts_, stores_, std::move(hosts));
    open_socket();
    return {};
  }

  Task<void> run() override {
    using namespace asio::experimental::awaitable_operators;
    if (network_ && operator_) {
      co_await (network_->run() && operator_->run());
    } else if (network_) {
      co_await network_->run();
    } else if (operator_) {
      co_await operator_->run();
    }
  }
  void stop(std::chrono::milliseconds grace) override {
    if (network_) network_->stop(grace);
    if (operator_) operator_->stop(grace);
  }

 private:
  // The API, once it is there: it needs the port, and the server that has it needs a service.
  struct Service final : net::HttpService {
    std::unique_ptr<admin::Api> api;
    InteractionDoor door;
    explicit Service(InteractionDoor interactions) : door(std::move(interactions)) {}
    Task<std::expected<std::unique_ptr<net::Exchange>, net::ServerResponse>> admit(net::RequestHead head) override {
      if (!InteractionDoor::is_for(head.target)) {
        auto admitted = co_await api->for_network().admit(std::move(head));
        co_return admitted;
      }
      co_return door.admit(head);
    }
  };

  // Bound here, answered for from the moment that the loop runs.
  Result<void> listen(std::size_t max_connections, std::vector<std::string>& hosts) {
    const config::Gateway& gateway = parts_.config->gateway;
    const ListenAddress address = split(gateway.listen);
    net::HttpServerOptions options{.address = address.host, .port = address.port, .max_connections = max_connections};
    if (!gateway.tls_certificate.empty()) options.tls = net::TlsFiles{gateway.tls_certificate, gateway.tls_key};
    const char* scheme = options.tls ? "https" : "http";
    auto server = net::make_http_server(parts_.loop, std::move(options), service_);
    if (server) {
      network_ = std::move(*server);
      hosts = host_names(gateway, address, network_->port());
      spdlog::info("the API listens on {}://{}:{}", scheme,
                   address.host.contains(':') ? fmt::format("[{}]", address.host) : address.host, network_->port());
      return {};
    }
    if (server.error().kind != ErrorKind::unavailable || !gateway.is_listen_default) {
      return fail(server.error().kind, fmt::format("'listen': {}", server.error().message));
    }
    spdlog::warn("there is no API: {}. Name another address as 'listen' in [gateway], or \"off\"",
                 server.error().message);
    return {};
  }

  void open_socket() {
    auto server = net::make_http_server(parts_.loop,
                                        {.socket_file = socket_file(parts_.config->gateway),
                                         .max_connections = kSocketConnections,
                                         .respond_timeout = kSocketPatience},
                                        service_.api->for_operator());
    if (server) {
      operator_ = std::move(*server);
    } else {
      spdlog::warn("usher's commands cannot ask this gateway: {}", server.error().message);
    }
  }

  ApiParts parts_;
  admin::ApiStores stores_;
  Service service_;
  std::unique_ptr<net::HttpServer> network_;
  std::unique_ptr<net::HttpServer> operator_;
};

}  // namespace

std::filesystem::path socket_file(const config::Gateway& gateway) { return gateway.data_dir / "usher.sock"; }

std::unique_ptr<admin::Api> make_api(const ApiParts& parts, admin::ApiStores& stores, std::vector<std::string> hosts) {
  const config::Config& config = *parts.config;
  return admin::make_api(
      {.tokens = *stores.tokens,
       .events = *stores.events,
       .ledger = parts.ledger,
       .clock = parts.clock,
       .pool = parts.pool,
       .role_policy = [&roles = parts.roles](const std::string& tenant,
                                             const std::string& role) { return roles.policy_of(tenant, role); },
       .is_tenant = [shared = parts.config](const std::string& name) { return shared->tenants.contains(name); },
       .readiness = parts.readiness,
       .conversations = parts.conversations,
       .backups = parts.backups},
      {.hosts = std::move(hosts),
       .legacy_keys = legacy_keys(config.api),
       .legacy_keys_skip_rbac = config.api.legacy_keys_skip_rbac});
}

Result<std::unique_ptr<ApiServer>> make_api_server(ApiParts parts, std::size_t max_connections) {
  Result<admin::ApiStores> stores = admin::open_api_stores(parts.config->gateway.data_dir / "api.db", parts.loop);
  if (!stores) return fail(std::move(stores.error()));
  auto server = std::make_unique<Listening>(std::move(parts), std::move(*stores));
  Result<void> opened = server->open(max_connections);
  if (!opened) return fail(std::move(opened.error()));
  return server;
}

}  // namespace usher::app
