// links: base
//
// Any bytes as backup.json: refused, or a manifest that survives its own JSON and names nothing outside its folder.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string_view>

// The one file: all of the module app would bring every other along.
#include "app/backup/manifest.cpp"

namespace {

void demand(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace usher::app;
  const auto manifest = parse_manifest({reinterpret_cast<const char*>(data), size});
  if (!manifest) return 0;
  for (const BackedUpFile& file : manifest->files) {
    const std::filesystem::path whole = (std::filesystem::path("/backup") / file.path).lexically_normal();
    demand(whole.native() == "/backup/" + file.path);
    demand(file.sha256.size() == 64);
  }
  const auto text = to_json(*manifest);
  demand(text.has_value());
  const auto again = parse_manifest(*text);
  demand(again && again->files.size() == manifest->files.size());
  return 0;
}
