// `usher token create|list|revoke`: bearer tokens of the HTTP API, through the running gateway when there is one. Each
// returns an ExitStatus.
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

// Prints the token to stdout: the only time that it is shown. One that could not be printed is revoked.
int create_token(std::shared_ptr<const config::Config> config, const TokenRequest& request, bool as_json);
int list_tokens(std::shared_ptr<const config::Config> config, const std::string& tenant, bool with_unusable,
                bool as_json);
// With every token made from it.
int revoke_token(std::shared_ptr<const config::Config> config, const std::string& jti, bool as_json);

}  // namespace usher::app
