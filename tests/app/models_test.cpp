#include "app/models.h"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>

using namespace usher;

TEST_CASE("a chain is priced as its dearest model and sized as its smallest") {
  asio::io_context loop;
  auto http = net::make_http_client(loop.get_executor());
  config::Config config;
  config.providers["p"] = {.name = "p", .kind = config::ProviderKind::demo};
  config.models["default"] = {.hint = "default",
                              .provider = "p",
                              .model = "large",
                              .input_per_mtok = MicroUsd{10},
                              .output_per_mtok = MicroUsd{20},
                              .context_tokens = 1000,
                              .max_output_tokens = 5,
                              .fallback = {"spare"}};
  config.models["spare"] = {.hint = "spare",
                            .provider = "p",
                            .model = "small",
                            .input_per_mtok = MicroUsd{15},
                            .output_per_mtok = MicroUsd{1},
                            .context_tokens = 500,
                            .max_output_tokens = 9};
  config.models["local"] = {.hint = "local", .provider = "p", .model = "local", .free = true};
  config.models["mixed"] = {.hint = "mixed", .provider = "p", .model = "m", .free = true, .fallback = {"spare"}};
  const app::ModelSet set = app::make_models(config, *http);
  const gateway::Model& chain = set.models.at("default");
  CHECK(chain.name == "large");
  CHECK(chain.price.input_per_mtok == MicroUsd{15});
  CHECK(chain.price.output_per_mtok == MicroUsd{20});
  CHECK(chain.price.max_output_tokens == 9);
  CHECK(chain.context_tokens == 500);
  CHECK(set.models.at("local").price.free);
  CHECK_FALSE(set.models.at("mixed").price.free);
  CHECK(set.models.at("mixed").price.input_per_mtok == MicroUsd{15});
}
