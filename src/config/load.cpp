#include "config/load.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>

#include "base/files.h"
#include "config/reading/document.h"
#include "config/reading/placeholders.h"
#include "config/sections/sections.h"

namespace usher::config {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFileBytes = 1u << 20;
constexpr std::string_view kSecretKeys[] = {"api_key", "key", "token", "webhook_secret"};

// Reports every secret that stands in the file itself, wherever its key is.
void find_inline_secrets(const Value& value, const std::string& message, Problems& problems) {
  for (const Value& item : value.items) find_inline_secrets(item, message, problems);
  for (const Entry& entry : value.entries) {
    const bool is_secret = std::ranges::find(kSecretKeys, entry.key) != std::end(kSecretKeys);
    if (is_secret && entry.value.kind == ValueKind::text && holds_literal(entry.value.written)) {
      problems.error(entry.value.source, fmt::format("'{}' {}", entry.key, message));
    }
    find_inline_secrets(entry.value, message, problems);
  }
}

void check_permissions(const Value& root, const fs::path& file, Problems& problems) {
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0 || (status.st_mode & (S_IRGRP | S_IROTH)) == 0) return;
  find_inline_secrets(
      root,
      fmt::format("is a secret in a file that others can read; run chmod 600 {}, or write ${{NAME}} and set "
                  "the variable",
                  file.filename().string()),
      problems);
}

fs::path absolute_path(const fs::path& file) {
  std::error_code failed;
  const fs::path whole = fs::absolute(file, failed).lexically_normal();
  return failed ? file : whole;
}

void read_sections(Loading& loading, const Value& document) {
  const TableReader root(document, kRoot, "", false, loading.problems);
  read_gateway(loading, root);
  read_models(loading, root);
  read_agent(loading, root);
  read_tenants(loading, root);
  read_channels(loading, root);
  read_identities(loading, root);
  read_api(loading, root);
  read_audit(loading, root);
}

Loaded failed(Problem problem) { return {nullptr, {std::move(problem)}}; }

}  // namespace

std::string to_string(const Source& source) {
  return source.line == 0 ? source.file : fmt::format("{}:{}:{}", source.file, source.line, source.column);
}

std::string to_string(const Problem& problem) {
  return fmt::format("{}: {}: {}", to_string(problem.source), problem.is_warning ? "warning" : "error",
                     problem.message);
}

Environment environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
  };
}

Loaded load(const fs::path& file, const Environment& env) {
  const Result<std::string> text = read_file(file, kMaxFileBytes);
  if (!text) return failed({{file.lexically_normal().string(), 0, 0}, false, text.error().message});
  return load_text(*text, file, env, true);
}

Loaded load_text(std::string_view text, const fs::path& file, const Environment& env, bool checks_files) {
  const std::string shown_file = file.lexically_normal().string();
  std::expected<Value, Problem> document = parse_document(text, shown_file);
  if (!document) return failed(std::move(document.error()));
  const auto config = std::make_shared<Config>();
  config->file = absolute_path(file);
  Problems problems;
  Loading loading{*config, problems, shown_file, checks_files, config->file.parent_path()};
  replace_placeholders(*document, env, loading.base, problems);
  if (checks_files) check_permissions(*document, file, problems);
  read_sections(loading, *document);
  const bool is_good = !problems.has_error();
  return {is_good ? config : nullptr, problems.take()};
}

}  // namespace usher::config
