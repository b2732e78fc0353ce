// backup.json: what a backup holds. It is written last, so a backup without one is incomplete. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace usher::app {

inline constexpr const char* kManifestName = "backup.json";
inline constexpr std::size_t kMaxManifestBytes = 64u << 20;

struct BackedUpFile {
  std::string path;  // beneath the backup and data_dir, with '/'
  std::uint64_t bytes = 0;
  std::string sha256;                       // hex
  std::optional<std::int64_t> schema = {};  // of a database
};

struct Manifest {
  std::string usher;                // the version that made it
  std::string made_at;              // ISO 8601
  std::string data_dir;             // where it was taken from; for people
  std::vector<BackedUpFile> files;  // sorted by path
};

// limit when it has more files than a manifest can hold.
Result<std::string> to_json(const Manifest& manifest);

// invalid, with a sentence, for what is no manifest of a form that this version knows: not JSON, another format, a path
// that leads out of the backup, is not UTF-8 or stands twice, a digest that is none.
Result<Manifest> parse_manifest(std::string_view text);

}  // namespace usher::app
