#include "tool/builtin/place.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/files.h"
#include "base/text.h"

namespace usher::tool {
namespace {

constexpr std::size_t kMaxFileBytes = 1u << 20;
// What one sender may keep.
constexpr std::size_t kMaxFiles = 1000;
constexpr std::size_t kMaxTotalBytes = 64u << 20;
constexpr std::ptrdiff_t kMaxDepth = 8;

struct Kept {
  std::size_t entries = 0;
  std::size_t bytes = 0;
};

// Adds up what lies beneath `path`; stops early once there is too much of it.
Result<void> add_up(const Beneath& root, const std::string& path, std::ptrdiff_t depth, Kept& kept) {
  Result<std::vector<FileEntry>> entries = root.list(path, kMaxFiles + 1);
  if (!entries) return fail(std::move(entries.error()));
  for (const FileEntry& entry : *entries) {
    kept.entries += 1;
    kept.bytes += entry.size;
    if (kept.entries > kMaxFiles || kept.bytes > kMaxTotalBytes) return {};
    if (!entry.is_directory || depth >= kMaxDepth) continue;
    Result<void> below = add_up(root, entry.path, depth + 1, kept);
    if (!below) return below;
  }
  return {};
}

Result<void> check_room(const Beneath& root, std::size_t added_bytes) {
  Kept kept;
  Result<void> added = add_up(root, "", 0, kept);
  if (!added) return added;
  if (kept.entries >= kMaxFiles)
    return fail(ErrorKind::limit, fmt::format("files/ is full: at most {} files are kept", kMaxFiles));
  if (kept.bytes + added_bytes > kMaxTotalBytes) {
    return fail(ErrorKind::limit, fmt::format("files/ is full: at most {} MiB are kept", kMaxTotalBytes >> 20));
  }
  return {};
}

bool is_text(std::string_view bytes) { return bytes.find('\0') == std::string_view::npos && is_valid_utf8(bytes); }

}  // namespace

Result<Place> parse_place(std::string_view text) {
  if (text.ends_with('/')) text.remove_suffix(1);
  std::size_t slash = text.find('/');
  std::string_view root = text.substr(0, slash);
  std::string_view path = slash == std::string_view::npos ? "" : text.substr(slash + 1);
  if (root != "workspace" && root != "files") {
    return fail(ErrorKind::invalid, "a path begins with 'workspace/' (read-only) or 'files/' (your own)");
  }
  bool is_root = slash == std::string_view::npos;
  if (!is_root && !is_plain_relative_path(path)) {
    return fail(ErrorKind::invalid, "this is not a plain path: no '..', '.', empty or over-long parts");
  }
  if (std::ranges::count(path, '/') >= kMaxDepth) return fail(ErrorKind::invalid, "this path has too many parts");
  return Place{root == "workspace" ? Root::workspace : Root::files, std::string(path)};
}

std::string to_string(const Place& place) {
  return fmt::format("{}/{}", place.root == Root::workspace ? "workspace" : "files", place.path);
}

Result<std::optional<Beneath>> open_root(const rbac::Workspace& workspace, Root root) {
  const std::filesystem::path& path = root == Root::workspace ? workspace.root : workspace.files;
  Result<Beneath> opened = Beneath::open(path);
  if (opened) return std::optional<Beneath>(std::move(*opened));
  std::error_code failed;
  if (root == Root::files && !std::filesystem::exists(path, failed) && !failed) return std::optional<Beneath>();
  return fail(told(opened.error(), Place{root, ""}));
}

Result<std::string> read_text(const rbac::Workspace& workspace, const Place& place) {
  if (place.path.empty()) return fail(ErrorKind::invalid, fmt::format("'{}' is a directory", to_string(place)));
  Result<std::optional<Beneath>> root = open_root(workspace, place.root);
  if (!root) return fail(std::move(root.error()));
  if (!*root) return fail(told({ErrorKind::not_found, ""}, place));
  Result<std::string> bytes = (*root)->read(place.path, kMaxFileBytes);
  if (!bytes) return fail(told(bytes.error(), place));
  if (!is_text(*bytes)) return fail(ErrorKind::invalid, fmt::format("'{}' is not a text file", to_string(place)));
  return bytes;
}

Result<void> write_text(const rbac::Workspace& workspace, const Place& place, std::string_view text) {
  if (place.root != Root::files) {
    return fail(ErrorKind::denied, "workspace/ is read-only: write beneath files/ instead");
  }
  if (place.path.empty()) return fail(ErrorKind::invalid, "name a file beneath files/");
  if (text.size() > kMaxFileBytes) {
    return fail(ErrorKind::limit, fmt::format("a file holds at most {} KiB", kMaxFileBytes >> 10));
  }
  Result<void> made = make_private_directories(workspace.files);
  if (!made) return fail(told(made.error(), place));
  Result<std::optional<Beneath>> root = open_root(workspace, Root::files);
  if (!root) return fail(std::move(root.error()));
  if (!*root) return fail(told({ErrorKind::io, "the directory vanished"}, place));
  Result<void> room = check_room(**root, text.size());
  if (!room) return fail(room.error().kind == ErrorKind::limit ? room.error() : told(room.error(), place));
  Result<void> written = (*root)->write(place.path, text);
  if (!written) return fail(told(written.error(), place));
  return {};
}

Error told(const Error& error, const Place& place) {
  std::string name = to_string(place);
  switch (error.kind) {
    case ErrorKind::not_found:
      return {error.kind, fmt::format("'{}' does not exist", name)};
    case ErrorKind::denied:
      return {error.kind, fmt::format("'{}' is not an ordinary file or directory there", name)};
    case ErrorKind::limit:
      return {error.kind, fmt::format("'{}' is too large: at most {} KiB", name, kMaxFileBytes >> 10)};
    case ErrorKind::invalid:
      return {error.kind, fmt::format("'{}' cannot be used like this", name)};
    default:
      break;
  }
  spdlog::warn("file tools: {}: {}", printable(name), error.message);
  return {error.kind, fmt::format("'{}' cannot be reached now", name)};
}

}  // namespace usher::tool
