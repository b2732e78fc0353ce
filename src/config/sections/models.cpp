// [providers.<name>] and [models.<hint>].
#include <fmt/format.h>

#include <set>

#include "config/sections/sections.h"

namespace usher::config {
namespace {

using std::chrono::seconds;

constexpr std::size_t kMaxFallbacks = 16;

// For keys that only other kinds have.
void refuse_keys(const TableReader& table, std::initializer_list<const char*> keys, std::string_view why) {
  for (const char* key : keys) {
    if (table.has(key)) table.problems().error(table.source_of(key), fmt::format("'{}' {}", key, why));
  }
}

std::optional<ProviderKind> read_kind(const TableReader& table) {
  const std::optional<Text> kind = table.required_text("kind");
  if (!kind) return std::nullopt;
  if (kind->value == "openai") return ProviderKind::openai;
  if (kind->value == "demo") return ProviderKind::demo;
  if (kind->value == "anthropic") {
    table.problems().error(kind->source, "kind 'anthropic' is not available in this version");
  } else {
    table.problems().error(kind->source, unknown_word(*kind, "kind", {"openai", "demo"}));
  }
  return std::nullopt;
}

Provider read_provider(Loading& loading, const TableReader::Named& named) {
  const TableReader& table = named.reader;
  Provider provider;
  provider.name = named.name;
  provider.source = table.source();
  provider.timeout = table.seconds("timeout_s", provider.timeout, seconds(1), seconds(3600));
  const std::optional<ProviderKind> kind = read_kind(table);
  if (!kind) return provider;
  provider.kind = *kind;
  if (*kind == ProviderKind::demo) {
    refuse_keys(table, {"base_url", "api_key"}, "means nothing for a provider of kind 'demo'");
    return provider;
  }
  if (const std::optional<Text> key = table.text("api_key")) provider.api_key = Secret(key->value);
  if (const std::optional<Text> url = table.required_text("base_url")) {
    provider.base_url = read_url(loading.problems, *url, "base_url", !provider.api_key.empty()).value_or("");
  }
  return provider;
}

void read_prices(const TableReader& table, Model& model) {
  model.input_per_mtok = table.dollars("input_usd_per_mtok");
  model.output_per_mtok = table.dollars("output_usd_per_mtok");
  model.cached_input_per_mtok = table.dollars("cached_input_usd_per_mtok");
  if (model.input_per_mtok.has_value() != model.output_per_mtok.has_value()) {
    table.problems().error(
        table.source(),
        fmt::format("{} needs both 'input_usd_per_mtok' and 'output_usd_per_mtok', or neither", table.title()));
    model.input_per_mtok = model.output_per_mtok = MicroUsd{0};  // one mistake, one message
  } else if (model.cached_input_per_mtok && !model.input_per_mtok) {
    table.problems().error(table.source_of("cached_input_usd_per_mtok"),
                           "'cached_input_usd_per_mtok' needs 'input_usd_per_mtok'");
  }
  if (!model.cached_input_per_mtok) model.cached_input_per_mtok = model.input_per_mtok;
  model.free = table.boolean("free", false);
  if (model.free && model.input_per_mtok) {
    table.problems().error(table.source_of("free"), "'free = true' contradicts a price; write one of them");
  }
}

void read_sizes(const TableReader& table, Model& model) {
  constexpr std::int64_t kMaxTokens = 100'000'000;
  model.context_tokens = table.integer_or("context_tokens", model.context_tokens, 1, kMaxTokens);
  model.max_output_tokens = table.integer_or("max_output_tokens", model.max_output_tokens, 1, kMaxTokens);
  if (model.max_output_tokens >= model.context_tokens) {
    const char* key = table.has("max_output_tokens") ? "max_output_tokens" : "context_tokens";
    table.problems().error(table.source_of(key),
                           fmt::format("'max_output_tokens' ({}) must be below 'context_tokens' ({})",
                                       model.max_output_tokens, model.context_tokens));
  }
}

Model read_model(Loading& loading, const TableReader::Named& named) {
  const TableReader& table = named.reader;
  Model model;
  model.hint = named.name;
  model.source = table.source();
  read_prices(table, model);
  read_sizes(table, model);
  const std::optional<Text> name = table.text("model");
  const std::optional<Text> provider = table.required_text("provider");
  model.model = name ? name->value : "demo";
  if (!provider) return model;
  const auto found = loading.config.providers.find(provider->value);
  if (found == loading.config.providers.end()) {
    loading.problems.error(provider->source, unknown_name("provider", *provider, names_of(loading.config.providers)));
    return model;
  }
  model.provider = found->first;
  if (found->second.kind == ProviderKind::demo) {
    if (!model.input_per_mtok) model.free = true;  // nobody is asked, nothing is charged
  } else if (!table.has("model")) {
    loading.problems.error(table.source(), fmt::format("{} needs 'model'", table.title()));
  }
  return model;
}

// Walks the fallbacks depth first; a hint met again on its own path closes a circle.
class FallbackCheck {
 public:
  FallbackCheck(Loading& loading, std::map<std::string, std::vector<Text>>& written)
      : loading_(loading), written_(written) {}

  void visit(const std::string& hint) {
    if (!visited_.insert(hint).second) return;
    path_.insert(hint);
    for (const Text& next : written_[hint]) {
      if (next.value == hint) {
        loading_.problems.error(next.source, fmt::format("model '{}' falls back on itself", hint));
      } else if (path_.contains(next.value)) {
        loading_.problems.error(next.source, fmt::format("fallback {} closes a circle", quote(next.written)));
      } else if (path_.size() >= kMaxFallbacks) {
        loading_.problems.error(next.source, fmt::format("more than {} fallbacks in a row", kMaxFallbacks));
      } else {
        visit(next.value);
      }
    }
    path_.erase(hint);
  }

 private:
  Loading& loading_;
  std::map<std::string, std::vector<Text>>& written_;
  std::set<std::string> visited_, path_;
};

void read_fallbacks(Loading& loading, const std::vector<TableReader::Named>& tables) {
  std::map<std::string, std::vector<Text>> written;
  for (const TableReader::Named& named : tables) {
    for (Text& hint : named.reader.texts("fallback")) {
      if (!loading.config.models.contains(hint.value)) {
        loading.problems.error(hint.source, unknown_name("model", hint, names_of(loading.config.models)));
        continue;
      }
      loading.config.models[named.name].fallback.push_back(hint.value);
      written[named.name].push_back(std::move(hint));
    }
  }
  FallbackCheck check(loading, written);
  for (const TableReader::Named& named : tables) check.visit(named.name);
}

void add_demo(Config& config) {
  Provider provider;
  provider.name = "demo";
  Model model;
  model.hint = "default";
  model.provider = model.model = provider.name;
  model.free = true;
  config.providers.emplace(provider.name, provider);
  config.models.emplace(model.hint, model);
}

}  // namespace

void read_models(Loading& loading, const TableReader& root) {
  if (!root.has("providers") && !root.has("models")) return add_demo(loading.config);
  for (const TableReader::Named& named : root.named_tables("providers", kProvider)) {
    loading.config.providers.emplace(named.name, read_provider(loading, named));
  }
  const std::vector<TableReader::Named> models = root.named_tables("models", kModel);
  for (const TableReader::Named& named : models) loading.config.models.emplace(named.name, read_model(loading, named));
  read_fallbacks(loading, models);
}

}  // namespace usher::config
