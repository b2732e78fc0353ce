// The provider chains of config.toml's [models], made once at start. Names the concrete vendors.
#pragma once

#include <memory>
#include <vector>

#include "config/config.h"
#include "gateway/models.h"
#include "net/http_client.h"
#include "provider/provider.h"

namespace usher::app {

// Owns what its models point to.
struct ModelSet {
  std::vector<std::unique_ptr<provider::Provider>> providers;
  gateway::Models models;
};

// `http` must outlive the set.
ModelSet make_models(const config::Config& config, net::HttpClient& http);

}  // namespace usher::app
