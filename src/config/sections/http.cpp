// The HTTP API: where it listens ([gateway]), and the older keys that it takes ([api]).
#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "config/sections/sections.h"

namespace usher::config {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMinKeyBytes = 16;

std::optional<in6_addr> ipv6_of(std::string_view host) {
  if (!host.starts_with('[') || !host.ends_with(']')) return std::nullopt;
  in6_addr address{};
  const std::string text(host.substr(1, host.size() - 2));
  return ::inet_pton(AF_INET6, text.c_str(), &address) == 1 ? std::optional(address) : std::nullopt;
}

// A name or a numeric address; IPv6 in brackets.
bool is_host(std::string_view host) {
  constexpr std::size_t kMaxBytes = 253, kMaxLabelBytes = 63;
  if (host.starts_with('[')) return ipv6_of(host).has_value();
  if (host.empty() || host.size() > kMaxBytes) return false;
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  while (true) {
    const std::string_view label = host.substr(0, host.find('.'));
    if (label.empty() || label.size() > kMaxLabelBytes || label.front() == '-' || !std::ranges::all_of(label, is_part))
      return false;
    if (label.size() == host.size()) return true;
    host.remove_prefix(label.size() + 1);
  }
}

bool is_port(std::string_view port) {
  if (port.empty() || port.size() > 5 || !std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; }))
    return false;
  return std::stoi(std::string(port)) <= 65535;
}

// The host of "host:port"; "" when it is none.
std::string_view host_of(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || !is_port(address.substr(colon + 1))) return "";
  const std::string_view host = address.substr(0, colon);
  return is_host(host) ? host : "";
}

// An address of this machine as it is bound to, without a look-up.
bool is_bindable(std::string_view host) {
  in_addr address{};
  return host == "localhost" || ipv6_of(host) || ::inet_pton(AF_INET, std::string(host).c_str(), &address) == 1;
}

void read_listen(Loading& loading, const TableReader& table) {
  const std::optional<Text> listen = table.text("listen");
  if (!listen) return;
  Gateway& gateway = loading.config.gateway;
  gateway.is_listen_default = false;
  if (listen->value == "off" || is_bindable(host_of(listen->value))) {
    gateway.listen = listen->value;
    return;
  }
  loading.problems.error(listen->source, fmt::format("'listen' must be a numeric address and a port, like "
                                                     "'127.0.0.1:8787', or 'off', not {}",
                                                     quote(listen->written)));
}

void read_hosts(Loading& loading, const TableReader& table) {
  std::vector<std::string>& hosts = loading.config.gateway.hosts;
  for (Text& host : table.texts("hosts")) {
    if (!is_host(host.value) && host_of(host.value).empty()) {
      loading.problems.error(host.source, fmt::format("{} in 'hosts' is not a host; write a name like "
                                                      "'usher.example.com', or 'usher.example.com:8443'",
                                                      quote(host.written)));
      continue;
    }
    std::ranges::transform(host.value, host.value.begin(), [](unsigned char c) { return std::tolower(c); });
    if (std::ranges::find(hosts, host.value) == hosts.end()) hosts.push_back(std::move(host.value));
  }
}

// Absolute; "" when it was not written.
fs::path read_tls_file(Loading& loading, const TableReader& table, std::string_view key) {
  const std::optional<Text> written = table.text(key);
  if (!written) return {};
  const fs::path path = absolute_from(loading.base, written->value);
  std::error_code failed;
  if (loading.checks_files && !fs::is_regular_file(path, failed)) {
    loading.problems.error(written->source, fmt::format("'{}' names no file: {}", key, quote(written->written)));
  }
  return path;
}

void read_tls(Loading& loading, const TableReader& table) {
  Gateway& gateway = loading.config.gateway;
  gateway.tls_certificate = read_tls_file(loading, table, "tls_certificate");
  gateway.tls_key = read_tls_file(loading, table, "tls_key");
  if (table.has("tls_certificate") != table.has("tls_key")) {
    const char* key = table.has("tls_key") ? "tls_key" : "tls_certificate";
    loading.problems.error(table.source_of(key), "'tls_certificate' and 'tls_key' go together; write both, or neither");
  }
  struct stat status{};
  if (!loading.checks_files || gateway.tls_key.empty() || ::stat(gateway.tls_key.c_str(), &status) != 0) return;
  if (!S_ISREG(status.st_mode) || (status.st_mode & (S_IRGRP | S_IROTH)) == 0) return;
  loading.problems.error(table.source_of("tls_key"), fmt::format("'tls_key' is a file that others can read; run chmod "
                                                                 "600 {}",
                                                                 gateway.tls_key.filename().string()));
}

// What travels over a network is encrypted, by usher or by a proxy before it, or nothing starts.
void check_public(Loading& loading, const TableReader& table) {
  const Gateway& gateway = loading.config.gateway;
  if (gateway.listen == "off" || is_loopback(host_of(gateway.listen))) return;
  const bool has_tls = table.has("tls_certificate") || table.has("tls_key");  // one alone is reported already
  if (!has_tls && !gateway.behind_proxy) {
    loading.problems.error(
        table.source_of("listen"),
        "'listen' is a public address without TLS: write 'tls_certificate' and 'tls_key', or "
        "behind_proxy = true where a proxy that speaks TLS stands before it, or listen on 127.0.0.1");
  } else if (!table.has("hosts")) {
    loading.problems.warning(table.source_of("listen"),
                             "'listen' is a public address and there are no 'hosts': requests under a name that is not "
                             "listed there are refused");
  }
}

Secret read_key(Loading& loading, const TableReader& table) {
  const std::optional<Text> key = table.required_text("key");
  if (!key) return {};
  // It is compared with a header's value, which holds nothing else.
  const bool is_visible = std::ranges::all_of(key->value, [](char c) { return c > 0x20 && c < 0x7f; });
  if (key->value.size() < kMinKeyBytes || !is_visible) {
    loading.problems.error(key->source, fmt::format("'key' must be {} or more visible ASCII characters", kMinKeyBytes));
    return {};
  }
  Secret secret(key->value);
  for (const LegacyKey& other : loading.config.api.legacy_keys) {
    if (other.key == secret)
      loading.problems.error(key->source, fmt::format("'key' is that of legacy key '{}' too", other.name));
  }
  return secret;
}

std::string read_key_name(Loading& loading, const TableReader& table) {
  const std::optional<Text> name = table.required_text("name");
  if (!name) return "";
  if (!is_name(name->value)) {
    loading.problems.error(name->source,
                           fmt::format("{} is not a name; use 1 to 64 of A-Z a-z 0-9 _ -", quote(name->written)));
  } else if (std::ranges::find(loading.config.api.legacy_keys, name->value, &LegacyKey::name) !=
             loading.config.api.legacy_keys.end()) {
    loading.problems.error(name->source, fmt::format("two legacy keys are called {}", quote(name->written)));
  }
  return name->value;
}

// The key's tenant and role, which exist.
void read_holder(Loading& loading, const TableReader& table, LegacyKey& key) {
  const bool skips_rbac = loading.config.api.legacy_keys_skip_rbac;
  const std::optional<Text> tenant = table.text("tenant");
  const std::optional<Text> role = skips_rbac ? table.text("role") : table.required_text("role");
  if (tenant) key.tenant = tenant->value;
  if (role) key.role = role->value;
  const auto known = loading.config.tenants.find(key.tenant);
  if (known == loading.config.tenants.end()) {
    loading.problems.error(tenant->source, unknown_name("tenant", *tenant, names_of(loading.config.tenants)));
    return;
  }
  if (!role) return;
  const auto held = known->second.roles.find(role->value);
  if (held == known->second.roles.end()) {
    loading.problems.error(role->source, unknown_name("role", *role, names_of(known->second.roles)));
  } else if (!held->second.policy && !skips_rbac) {
    loading.problems.warning(
        role->source, fmt::format("role '{}' has no policy: whatever this key asks for is denied", held->second.name));
  }
}

}  // namespace

bool is_loopback(std::string_view host) {
  if (host == "localhost") return true;
  if (const std::optional<in6_addr> address = ipv6_of(host)) return IN6_IS_ADDR_LOOPBACK(&*address);
  in_addr address{};
  return ::inet_pton(AF_INET, std::string(host).c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

void read_http(Loading& loading, const TableReader& gateway) {
  loading.config.gateway.behind_proxy = gateway.boolean("behind_proxy", false);
  read_listen(loading, gateway);
  read_hosts(loading, gateway);
  read_tls(loading, gateway);
  check_public(loading, gateway);
}

void read_api(Loading& loading, const TableReader& root) {
  const std::optional<TableReader> api = root.table("api", kApi);
  if (!api) return;
  loading.config.api.legacy_keys_skip_rbac = api->boolean("legacy_keys_skip_rbac", false);
  for (const TableReader& table : api->tables("legacy_keys", kLegacyKey)) {
    LegacyKey key;
    key.source = table.source();
    key.name = read_key_name(loading, table);
    key.key = read_key(loading, table);
    read_holder(loading, table, key);
    loading.config.api.legacy_keys.push_back(std::move(key));
  }
}

}  // namespace usher::config
