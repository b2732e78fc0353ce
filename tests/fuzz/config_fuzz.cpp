// links: config
// Any bytes as config.toml: the loader answers with problems or a Config, and never with both an error and a Config.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/load.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace usher::config;
  static const Environment kEnvironment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "SET") return "1:value";
    if (name == "EMPTY") return "";
    return std::nullopt;
  };
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Loaded loaded = load_text(text, "config.toml", kEnvironment, false);
  bool has_error = false;
  for (const Problem& problem : loaded.problems) has_error = has_error || !problem.is_warning;
  if (has_error == (loaded.config != nullptr)) std::abort();
  for (const Problem& problem : loaded.problems) {
    if (to_string(problem).empty()) std::abort();
  }
  return 0;
}
