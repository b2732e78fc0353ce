#include "config.h"

#include <fmt/format.h>

#include "support/scratch.h"

namespace usher::bench {

void write_config(const std::filesystem::path& directory, std::uint16_t model_port, std::string_view channels) {
  write_file(directory / "workspaces/shop/AGENTS.md", "# Shop\n\nYou advise customers. Be brief.\n");
  write_file(directory / "workspaces/shop/catalog.jsonl", R"({"id":"1","name":"Umbrella"})"
                                                          "\n");
  write_file(directory / "config.toml", fmt::format(R"([gateway]
data_dir = "data"
workspaces_dir = "workspaces"
log_level = "warn"
[providers.bench]
kind = "openai"
base_url = "http://127.0.0.1:{}/v1"
api_key = "${{BENCH_KEY}}"
[models.default]
provider = "bench"
model = "bench"
input_usd_per_mtok = 1.0
output_usd_per_mtok = 2.0
[agent]
history_messages = 20
[rbac]
default_role = "customer"
[rbac.roles.customer]
autonomy = "readonly"
allowed_tools = ["product_*"]
workspace = "shop"
rate_limit_per_minute = 1000000
cost_daily_limit_usd = 1000000.0
[rbac.workspaces.shop]
path = "shop"
{})",
                                                    model_port, channels));
}

}  // namespace usher::bench
