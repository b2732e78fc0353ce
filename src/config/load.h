// config.toml → Config: parses, replaces ${NAME} placeholders, validates, and reports every problem at once.
// Reads the file and the environment it is given; no globals. Any thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace usher::config {

// "config.toml:12:5: error: unknown key 'rate_limit' in [rbac.roles.buyer]; did you mean 'rate_limit_per_minute'?"
struct Problem {
  Source source;
  bool is_warning = false;
  std::string message;
};
std::string to_string(const Problem& problem);
// "config.toml:12:5"; the file alone where the problem has no one place in it.
std::string to_string(const Source& source);

// Looks a variable up; nullopt = not set. The real one is environment(); tests pass a map.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment environment();

struct Loaded {
  std::shared_ptr<const Config> config;  // null when any problem is an error
  std::vector<Problem> problems;         // in file order
};

// Reads `file` (at most 1 MiB). Never throws for bad input. Relative paths are relative to the file's folder.
Loaded load(const std::filesystem::path& file, const Environment& env);

// The same for text in memory (tests, fuzzing): no file system is touched beyond what placeholders name. `file` is used
// for messages and as the base of relative paths; checks_files = false leaves out permission and existence checks.
Loaded load_text(std::string_view text, const std::filesystem::path& file, const Environment& env, bool checks_files);

// A warning for each name or glob in allowed_tools and denied_tools that matches none of `registered`. Not part of
// load: config does not know the tools, and tools from outside come and go.
std::vector<Problem> unmatched_tool_globs(const Config& config, std::span<const std::string> registered);

}  // namespace usher::config
