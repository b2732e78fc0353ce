// `usher token create|list|revoke`: bearer tokens of the HTTP API. They work on <data_dir>/api.db, also beside a
// running gateway, which sees every change at its next request. Each returns an ExitStatus.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/config.h"

namespace usher::app {

struct TokenRequest {
  std::string name;
  std::vector<std::string> scopes;  // read, operate, approve, admin
  std::string tenant;               // "" = all tenants
  std::string lifetime = "90d";     // a number with s, m, h or d
};

// Prints the token to stdout: the only time that it is shown.
int create_token(const config::Config& config, const TokenRequest& request, bool as_json);
int list_tokens(const config::Config& config, const std::string& tenant, bool with_unusable, bool as_json);
// With every token made from it.
int revoke_token(const config::Config& config, const std::string& jti, bool as_json);

}  // namespace usher::app
