// Loading a config from text in a test: a map as environment, problems as lines.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "config/load.h"

namespace usher::config::testing {

using Variables = std::map<std::string, std::string>;

inline Environment from(Variables variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

inline Loaded load_from(std::string_view text, Variables variables = {}) {
  return load_text(text, "config.toml", from(std::move(variables)), false);
}

inline std::vector<std::string> lines_of(const std::vector<Problem>& problems) {
  std::vector<std::string> lines;
  for (const Problem& problem : problems) lines.push_back(to_string(problem));
  return lines;
}

inline std::string joined(const std::vector<Problem>& problems) {
  std::string text;
  for (const std::string& line : lines_of(problems)) text += line + "\n";
  return text;
}

// The top of the source tree: the build directory lies in it. (__FILE__ is relative under ccache.)
inline std::filesystem::path source_root() {
  std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  while (folder.has_relative_path() && !std::filesystem::exists(folder / "config.toml.example"))
    folder = folder.parent_path();
  return folder;
}

}  // namespace usher::config::testing
