// Workspace folders: beneath their root, apart from each other, there.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "config/sections/sections.h"

namespace usher::config {
namespace {

namespace fs = std::filesystem;

constexpr const char* kKnowledge = "knowledge";
constexpr const char* kPromptFile = "AGENTS.md";

bool is_within(const fs::path& path, const fs::path& root) {
  const auto [end, ignored] = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
  return end == root.end();
}

// Where the folder really is; the path itself where nothing is looked at.
fs::path real(const fs::path& path, bool checks_files) {
  std::error_code failed;
  const fs::path found = checks_files ? fs::weakly_canonical(path, failed) : path;
  return failed ? path : found;
}

std::string why_not_a_workspace(const fs::path& written, const fs::path& whole, const fs::path& root) {
  if (std::ranges::find(written, fs::path("..")) != written.end()) return "must not hold '..'";
  if (whole == root) return "is 'workspaces_dir' itself; name a folder in it";
  if (!is_within(whole, root)) return "is outside of 'workspaces_dir'";
  if (is_within(whole, root / kKnowledge)) return "is where the knowledge collections are; name another folder";
  return "";
}

void check_folder(Loading& loading, const Text& text, const fs::path& path) {
  const auto error = [&](std::string_view why) {
    loading.problems.error(text.source, fmt::format("workspace {} {}", quote(text.written), why));
  };
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return error("does not exist as a folder in 'workspaces_dir'");
  if (!is_within(real(path, true), real(loading.config.gateway.workspaces_dir, true))) {
    return error("leaves 'workspaces_dir' by a symbolic link");
  }
  if (!fs::is_regular_file(path / kPromptFile, ignored)) {
    loading.problems.warning(
        text.source, fmt::format("workspace {} has no {}: its turns will fail", quote(text.written), kPromptFile));
  }
}

std::vector<std::string> folders_in(const fs::path& root) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(root, ignored)) {
    if (entry.is_directory(ignored)) names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

struct Room {
  fs::path path;
  const Tenant* tenant;
  const Workspace* workspace;
};

// One inside the other is refused everywhere, one folder under two names within a tenant.
void check_pair(Loading& loading, const Room& outer, const Room& inner) {
  const bool is_same_tenant = outer.tenant == inner.tenant;
  if (outer.path == inner.path && !is_same_tenant) return;
  // The later one of the file is told.
  const auto place = [](const Room& room) {
    return std::pair(room.workspace->source.line, room.workspace->source.column);
  };
  const bool is_inner_later = place(outer) <= place(inner);
  const Room& told = is_inner_later ? inner : outer;
  const Room& other = is_inner_later ? outer : inner;
  const char* relation = outer.path == inner.path ? "is the same folder as"
                         : is_inner_later         ? "lies within"
                                                  : "encloses";
  loading.problems.error(told.workspace->source,
                         fmt::format("workspace '{}' {} workspace '{}' of line {}", told.workspace->name, relation,
                                     other.workspace->name, other.workspace->source.line));
}

}  // namespace

std::optional<fs::path> read_workspace_path(Loading& loading, const Text& text) {
  const fs::path root = loading.config.gateway.workspaces_dir;
  fs::path whole = (root / text.value).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  const std::string why = why_not_a_workspace(text.value, whole, root);
  if (!why.empty()) {
    loading.problems.error(text.source, fmt::format("workspace path {} {}", quote(text.written), why));
    return std::nullopt;
  }
  if (loading.checks_files) check_folder(loading, text, whole);
  return whole;
}

void check_collection(Loading& loading, const Text& name) {
  const fs::path root = loading.config.gateway.workspaces_dir / kKnowledge;
  std::error_code ignored;
  if (!loading.checks_files || name.value == "*" || fs::is_directory(root / name.value, ignored)) return;
  loading.problems.warning(name.source,
                           fmt::format("collection {} does not exist as a folder of '{}' in 'workspaces_dir'{}",
                                       quote(name.written), kKnowledge, suggestion(name.value, folders_in(root))));
}

void check_rooms(Loading& loading) {
  std::vector<Room> rooms;
  const fs::path data = real(loading.config.gateway.data_dir, loading.checks_files);
  const fs::path file = real(loading.config.file, loading.checks_files);
  for (const auto& [name, tenant] : loading.config.tenants) {
    for (const auto& [ignored, workspace] : tenant.workspaces) {
      if (workspace.path.empty()) continue;  // reported
      const fs::path path = real(workspace.path, loading.checks_files);
      if (is_within(file, path))
        loading.problems.error(workspace.source, fmt::format("workspace '{}' holds the config file", workspace.name));
      if (is_within(path, data / name)) {
        loading.problems.error(workspace.source,
                               fmt::format("workspace '{}' lies within the data of tenant '{}'", workspace.name, name));
      }
      rooms.push_back({path, &tenant, &workspace});
    }
  }
  // In path order whatever lies within a folder follows it directly: the folders around the next one form a stack.
  std::ranges::sort(rooms, {}, [](const Room& room) {
    return std::tie(room.path, room.tenant->name, room.workspace->source.line, room.workspace->source.column);
  });
  std::vector<const Room*> open;
  for (const Room& room : rooms) {
    while (!open.empty() && !is_within(room.path, open.back()->path)) open.pop_back();
    for (const Room* outer : open) check_pair(loading, *outer, room);
    open.push_back(&room);
  }
}

}  // namespace usher::config
