// The keys that a role and [agent] have in common.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/sections/sections.h"

namespace usher::config {
namespace {

constexpr std::int64_t kMaxPerMinute = 1'000'000;  // a window keeps that many timestamps

void read_globs(const TableReader& table, std::string_view key, std::vector<std::string>& globs,
                std::vector<Source>& sources) {
  for (Text& glob : table.texts(key)) {
    globs.push_back(std::move(glob.value));
    sources.push_back(std::move(glob.source));
  }
}

bool is_collection(std::string_view name) {
  const auto is_part = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; };
  return name == "*" || std::ranges::all_of(name, is_part);
}

void read_collections(Loading& loading, const TableReader& table, Role& role) {
  for (Text& name : table.texts("rag_access")) {
    if (is_collection(name.value)) {
      check_collection(loading, name);
      role.rag_access.push_back(std::move(name.value));
    } else {
      table.problems().error(name.source, fmt::format("{} is not a collection; use a-z 0-9 _ -, or '*' alone for all",
                                                      quote(name.written)));
    }
  }
}

bool is_unpriced(const Model& model) { return !model.free && !model.input_per_mtok; }

// The hint itself or the first of its fallbacks, and theirs, that has no price.
const Model* first_unpriced(const Config& config, const std::string& hint) {
  std::vector<std::string> open{hint};
  std::set<std::string> seen;
  while (!open.empty()) {
    const std::string next = std::move(open.back());
    open.pop_back();
    const auto model = config.models.find(next);
    if (model == config.models.end() || !seen.insert(next).second) continue;
    if (is_unpriced(model->second)) return &model->second;
    open.insert(open.end(), model->second.fallback.begin(), model->second.fallback.end());
  }
  return nullptr;
}

void read_model_hint(Loading& loading, const TableReader& table, Role& role) {
  const std::optional<Text> hint = table.text("model_hint");
  if (table.has("model_hint") && !hint) return;
  if (hint) role.model_hint = hint->value;
  if (loading.config.models.contains(role.model_hint)) return;
  if (hint) {
    loading.problems.error(hint->source, unknown_name("model", *hint, names_of(loading.config.models)));
  } else {
    loading.problems.error(table.source(),
                           fmt::format("{} uses the model 'default', which is not in [models]", table.title()));
  }
}

void read_limits(const TableReader& table, Limits& limits) {
  limits.per_minute = table.integer("rate_limit_per_minute", 0, kMaxPerMinute);
  limits.per_minute_total = table.integer("rate_limit_per_minute_total", 0, kMaxPerMinute);
  limits.daily_cost = table.dollars("cost_daily_limit_usd");
  limits.daily_cost_total = table.dollars("cost_daily_limit_usd_total");
}

}  // namespace

void check_budget(Loading& loading, const Source& source, std::string_view who, const std::string& hint) {
  const Model* model = first_unpriced(loading.config, hint);
  if (!model) return;
  loading.problems.error(source, fmt::format("{} needs a price for model '{}': write its input_usd_per_mtok and "
                                             "output_usd_per_mtok, or free = true",
                                             who, model->hint));
}

void read_role_keys(Loading& loading, const TableReader& table, Role& role) {
  static constexpr Choice<Autonomy> kAutonomies[] = {
      {"readonly", Autonomy::readonly}, {"supervised", Autonomy::supervised}, {"full", Autonomy::full}};
  role.source = table.source();
  role.autonomy = read_choice(table, "autonomy", kAutonomies, Autonomy::readonly);
  read_globs(table, "allowed_tools", role.allowed_tools, role.allowed_tools_at);
  read_globs(table, "denied_tools", role.denied_tools, role.denied_tools_at);
  role.memory_isolation = table.boolean("memory_isolation", true);
  read_collections(loading, table, role);
  read_limits(table, role.limits);
  read_model_hint(loading, table, role);
  if (!role.limits.daily_cost && !role.limits.daily_cost_total) return;
  const char* key = role.limits.daily_cost ? "cost_daily_limit_usd" : "cost_daily_limit_usd_total";
  check_budget(loading, table.source_of(key), fmt::format("'{}'", key), role.model_hint);
}

}  // namespace usher::config
