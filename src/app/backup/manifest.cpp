#include "app/backup/manifest.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/text.h"

namespace usher::app {
namespace {

constexpr std::int64_t kFormat = 1;
constexpr std::size_t kMaxPathBytes = 4096;

std::unexpected<Error> refuse(std::string why) {
  return fail(ErrorKind::invalid, fmt::format("{}: {}", kManifestName, why));
}

// Names a file beneath a folder, whatever that is, in one spelling.
bool is_plain_path(std::string_view path) {
  if (path.empty() || path.size() > kMaxPathBytes || path == kManifestName || !is_valid_utf8(path)) return false;
  if (path.find('\0') != path.npos) return false;
  for (;;) {
    const std::size_t end = path.find('/');
    const std::string_view name = path.substr(0, end);
    if (name.empty() || name == "." || name == "..") return false;
    if (end == path.npos) return true;
    path.remove_prefix(end + 1);
  }
}

bool is_digest(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

Result<BackedUpFile> read_file_entry(const json::value& entry) {
  const std::optional<std::string_view> path = string_at(&entry, "path"), digest = string_at(&entry, "sha256");
  const std::optional<std::int64_t> bytes = integer_at(&entry, "bytes");
  if (!path || !is_plain_path(*path)) return refuse("a file without a usable path");
  if (!digest || !is_digest(*digest)) return refuse(fmt::format("{} has no digest", printable(*path)));
  if (!bytes || *bytes < 0) return refuse(fmt::format("{} has no size", printable(*path)));
  return BackedUpFile{.path = std::string(*path),
                      .bytes = static_cast<std::uint64_t>(*bytes),
                      .sha256 = std::string(*digest),
                      .schema = integer_at(&entry, "schema")};
}

}  // namespace

Result<std::string> to_json(const Manifest& manifest) {
  json::array files;
  for (const BackedUpFile& file : manifest.files) {
    json::object entry{{"path", file.path}, {"bytes", file.bytes}, {"sha256", file.sha256}};
    if (file.schema) entry["schema"] = *file.schema;
    files.push_back(std::move(entry));
  }
  std::string text = json::serialize(json::object{{"format", kFormat},
                                                  {"usher", manifest.usher},
                                                  {"made_at", manifest.made_at},
                                                  {"data_dir", manifest.data_dir},
                                                  {"files", std::move(files)}}) +
                     "\n";
  if (text.size() <= kMaxManifestBytes) return text;
  return fail(ErrorKind::limit, fmt::format("{} files are more than a backup can list", manifest.files.size()));
}

Result<Manifest> parse_manifest(std::string_view text) {
  const Result<json::value> parsed = parse_json(text, kMaxManifestBytes);
  if (!parsed) return refuse("not JSON: " + parsed.error().message);
  const json::value* root = &*parsed;
  if (integer_at(root, "format") != kFormat) return refuse("not of a format that this usher knows");
  const json::array* files = array_at(root, "files");
  if (!files) return refuse("no list of files");
  Manifest manifest{.usher = std::string(string_at(root, "usher").value_or("")),
                    .made_at = std::string(string_at(root, "made_at").value_or("")),
                    .data_dir = std::string(string_at(root, "data_dir").value_or("")),
                    .files = {}};
  for (const json::value& entry : *files) {
    Result<BackedUpFile> file = read_file_entry(entry);
    if (!file) return fail(std::move(file.error()));
    if (!manifest.files.empty() && manifest.files.back().path >= file->path)
      return refuse("its files are not in order");
    manifest.files.push_back(std::move(*file));
  }
  return manifest;
}

}  // namespace usher::app
