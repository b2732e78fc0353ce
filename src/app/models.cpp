#include "app/models.h"

#include <algorithm>

#include "provider/demo.h"
#include "provider/openai.h"

namespace usher::app {
namespace {

std::unique_ptr<provider::Provider> make_vendor(const config::Config& config, const config::Model& model,
                                                net::HttpClient& http) {
  const config::Provider& settings = config.providers.at(model.provider);
  switch (settings.kind) {
    case config::ProviderKind::demo:
      return provider::make_demo();
    case config::ProviderKind::openai:
      return provider::make_openai(http, {.base_url = settings.base_url,
                                          .api_key = settings.api_key,
                                          .model = model.model,
                                          .max_output_tokens = model.max_output_tokens,
                                          .timeout = settings.timeout});
  }
  return nullptr;
}

provider::Price price_of(const config::Model& model) {
  return {.input_per_mtok = model.input_per_mtok,
          .output_per_mtok = model.output_per_mtok,
          .cached_input_per_mtok = model.cached_input_per_mtok,
          .free = model.free,
          .max_output_tokens = model.max_output_tokens};
}

// The dearer of two in every part, so that a reservation covers whichever model answers. A free model costs nothing;
// one without a price makes the whole chain unpriced.
provider::Price dearer(const provider::Price& a, const provider::Price& b) {
  const auto part = [&](std::optional<MicroUsd> provider::Price::* member) -> std::optional<MicroUsd> {
    const std::optional<MicroUsd> left = a.free && !(a.*member) ? MicroUsd{0} : a.*member;
    const std::optional<MicroUsd> right = b.free && !(b.*member) ? MicroUsd{0} : b.*member;
    if (!left || !right) return std::nullopt;
    return std::max(*left, *right);
  };
  return {.input_per_mtok = part(&provider::Price::input_per_mtok),
          .output_per_mtok = part(&provider::Price::output_per_mtok),
          .cached_input_per_mtok = part(&provider::Price::cached_input_per_mtok),
          .free = a.free && b.free,
          .max_output_tokens = std::max(a.max_output_tokens, b.max_output_tokens)};
}

}  // namespace

ModelSet make_models(const config::Config& config, net::HttpClient& http) {
  ModelSet set;
  std::map<std::string, provider::Provider*> retrying;
  for (const auto& [hint, model] : config.models) {
    set.providers.push_back(make_vendor(config, model, http));
    set.providers.push_back(
        std::make_unique<provider::RetryingProvider>(*set.providers.back(), provider::RetryPolicy{}));
    retrying[hint] = set.providers.back().get();
  }
  for (const auto& [hint, model] : config.models) {
    gateway::Model chain{.provider = retrying[hint],
                         .price = price_of(model),
                         .name = model.model,
                         .context_tokens = model.context_tokens};
    std::vector<provider::Provider*> order{retrying[hint]};
    for (const std::string& next : model.fallback) {
      const config::Model& spare = config.models.at(next);
      order.push_back(retrying[next]);
      chain.price = dearer(chain.price, price_of(spare));
      chain.context_tokens = std::min(chain.context_tokens, spare.context_tokens);
    }
    if (order.size() > 1) {
      set.providers.push_back(std::make_unique<provider::FallbackProvider>(std::move(order)));
      chain.provider = set.providers.back().get();
    }
    set.models.emplace(hint, std::move(chain));
  }
  return set;
}

}  // namespace usher::app
