// file_list, file_read, file_write and file_edit.

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "tool/builtin/parts.h"
#include "tool/builtin/place.h"

namespace usher::tool {
namespace {

// Sensitivity: the role's workspace is the same for all who hold it; one's own files, and a look at both, are not.
constexpr int kShared = 1, kOwn = 2;

constexpr std::size_t kListed = 200;
constexpr std::int64_t kLines = 400;
constexpr std::size_t kExcerptBytes = 12u << 10;  // below the loop's cap, so that its own notice is rarely needed

std::string listing(const std::vector<FileEntry>& entries, const Place& place) {
  Place root{place.root, ""};
  std::string text;
  for (std::size_t i = 0; i < std::min(entries.size(), kListed); ++i) {
    text += to_string(root) + one_line(entries[i].path, 300);
    text += entries[i].is_directory ? "/\n" : fmt::format("  ({} bytes)\n", entries[i].size);
  }
  if (entries.size() > kListed) text += fmt::format("[more than {} entries: the rest is not shown]\n", kListed);
  return text.empty() ? to_string(place) + " is empty\n" : text;
}

Result<std::string> list_place(const rbac::Workspace& workspace, const Place& place) {
  Result<std::optional<Beneath>> root = open_root(workspace, place.root);
  if (!root) return fail(std::move(root.error()));
  if (!*root && !place.path.empty()) return fail(told({ErrorKind::not_found, ""}, place));
  if (!*root) return listing({}, place);
  Result<std::vector<FileEntry>> entries = (*root)->list(place.path, kListed + 1);
  if (!entries) return fail(told(entries.error(), place));
  return listing(*entries, place);
}

Result<std::string> list_both(const rbac::Workspace& workspace) {
  Result<std::string> shared = list_place(workspace, {Root::workspace, ""});
  if (!shared) return shared;
  Result<std::string> own = list_place(workspace, {Root::files, ""});
  if (!own) return own;
  return *shared + *own;
}

// Lines `first` (from 1) and following, at most `most` of them and as many as fit, and where to go on.
Result<std::string> excerpt(std::string_view text, std::int64_t first, std::int64_t most) {
  if (text.empty()) return "(the file is empty)";
  std::int64_t line = 0, shown = 0;
  std::string part;
  bool is_full = false;
  while (!text.empty()) {
    std::size_t end = text.find('\n');
    std::string_view one = text.substr(0, end == std::string_view::npos ? text.size() : end + 1);
    text.remove_prefix(one.size());
    if (++line < first || shown >= most || is_full) continue;
    is_full = part.size() + one.size() > kExcerptBytes;
    if (is_full && shown > 0) continue;
    part += prefix_within_bytes(one, kExcerptBytes);
    if (one.size() > kExcerptBytes) part += "… [the line is longer]\n";
    ++shown;
  }
  if (first > line) return fail(ErrorKind::invalid, fmt::format("the file has only {} lines", line));
  std::int64_t last = first + shown - 1;
  if (first > 1 || last < line)
    part += fmt::format("{}[lines {}–{} of {}", part.ends_with('\n') ? "" : "\n", first, last, line);
  if (first > 1 || last < line) part += last < line ? fmt::format("; go on with offset {}]", last + 1) : "]";
  return part;
}

Result<std::string> edit(const rbac::Workspace& workspace, const Place& place, const std::string& old_text,
                         const std::string& new_text) {
  if (place.root != Root::files) return fail(ErrorKind::denied, "workspace/ is read-only: edit beneath files/ instead");
  Result<std::string> text = read_text(workspace, place);
  if (!text) return text;
  std::size_t at = text->find(old_text);
  if (at == std::string::npos) return fail(ErrorKind::invalid, "'old' does not occur in the file: read it again");
  if (text->find(old_text, at + 1) != std::string::npos) {
    return fail(ErrorKind::invalid, "'old' occurs more than once: give more of the text around it");
  }
  text->replace(at, old_text.size(), new_text);
  Result<void> written = write_text(workspace, place, *text);
  if (!written) return fail(std::move(written.error()));
  return fmt::format("Edited {}, now {} bytes.", to_string(place), text->size());
}

Task<Result<ToolOutput>> on_pool(asio::any_io_executor pool, std::function<Result<std::string>()> work) {
  Result<std::string> text = co_await run_on(pool, std::move(work));
  if (!text) co_return fail(std::move(text.error()));
  co_return ToolOutput{std::move(*text)};
}

class FileTool : public SeatedTool {
 public:
  using SeatedTool::SeatedTool;

  Access access(const json::object& arguments) const override {
    bool is_read = spec().effect == Effect::read;
    std::string path = text_argument(arguments, "path");
    Result<Place> place = parse_place(path);
    // Both roots, or a path that call() will refuse.
    if (!place) return {action(is_read, path.empty() ? "all" : "unknown"), path, kOwn};
    bool is_shared = place->root == Root::workspace;
    return {action(is_read, is_shared ? "workspace" : "files"), to_string(*place),
            is_read && is_shared ? kShared : kOwn};
  }

 protected:
  static std::string action(bool is_read, const char* what) {
    return fmt::format("file:{}:{}", is_read ? "read" : "write", what);
  }

  // Runs `work` on the pool with values only: the turn may be over before it ends.
  template <class Work>
  Task<Result<ToolOutput>> with_place(const json::object& arguments, Work work) {
    Result<Place> place = parse_place(text_argument(arguments, "path"));
    if (!place) co_return fail(std::move(place.error()));
    Result<ToolOutput> output = co_await on_pool(
        seat().pool, [workspace = seat().workspace, place = *place, work] { return work(*workspace, place); });
    co_return output;
  }
};

class FileList final : public FileTool {
 public:
  using FileTool::FileTool;
  Task<Result<ToolOutput>> call(const json::object& arguments, Deadline) override {
    if (!text_argument(arguments, "path").empty()) return with_place(arguments, list_place);
    return on_pool(seat().pool, [workspace = seat().workspace] { return list_both(*workspace); });
  }
};

class FileRead final : public FileTool {
 public:
  using FileTool::FileTool;
  Task<Result<ToolOutput>> call(const json::object& arguments, Deadline) override {
    std::int64_t first = whole_argument(arguments, "offset", 1), most = whole_argument(arguments, "limit", kLines);
    return with_place(arguments,
                      [first, most](const rbac::Workspace& workspace, const Place& place) -> Result<std::string> {
                        Result<std::string> text = read_text(workspace, place);
                        if (!text) return text;
                        return excerpt(*text, first, most);
                      });
  }
};

class FileWrite final : public FileTool {
 public:
  using FileTool::FileTool;
  Task<Result<ToolOutput>> call(const json::object& arguments, Deadline) override {
    std::string content = text_argument(arguments, "content");
    return with_place(arguments,
                      [content](const rbac::Workspace& workspace, const Place& place) -> Result<std::string> {
                        Result<void> written = write_text(workspace, place, content);
                        if (!written) return fail(std::move(written.error()));
                        return fmt::format("Wrote {} bytes to {}.", content.size(), to_string(place));
                      });
  }
};

class FileEdit final : public FileTool {
 public:
  using FileTool::FileTool;
  Task<Result<ToolOutput>> call(const json::object& arguments, Deadline) override {
    std::string old_text = text_argument(arguments, "old"), new_text = text_argument(arguments, "new");
    return with_place(arguments, [old_text, new_text](const rbac::Workspace& workspace, const Place& place) {
      return edit(workspace, place, old_text, new_text);
    });
  }
};

}  // namespace

std::span<const Builtin> file_tools() {
  static const Builtin tools[] = {
      {{"file_list",
        "List the files and folders in workspace/ (shared, read-only) and files/ (this person's own).",
        Effect::read,
        schema_of(R"json({"type":"object","properties":{
          "path":{"type":"string","maxLength":1100,"description":"a folder such as files/notes; absent: both roots"}},
          "additionalProperties":false})json"),
        {"file:read:all", "file:read:files", "file:read:workspace", "file:read:unknown"},
        kShared},
       make_seated<FileList>},
      {{"file_read",
        "Read a text file from workspace/ or files/.",
        Effect::read,
        schema_of(R"json({"type":"object","properties":{
          "path":{"type":"string","minLength":1,"maxLength":1100,"description":"such as files/notes.txt or workspace/README.md"},
          "offset":{"type":"integer","minimum":1,"maximum":10000000,"description":"the first line to show (1)"},
          "limit":{"type":"integer","minimum":1,"maximum":2000,"description":"how many lines at most (400)"}},
          "required":["path"],"additionalProperties":false})json"),
        {"file:read:files", "file:read:workspace", "file:read:unknown"},
        kShared},
       make_seated<FileRead>},
      {{"file_write",
        "Write a text file in files/, making it or replacing it whole.",
        Effect::write,
        schema_of(R"json({"type":"object","properties":{
          "path":{"type":"string","minLength":1,"maxLength":1100,"description":"such as files/notes.txt"},
          "content":{"type":"string","maxLength":1000000,"description":"the whole new text"}},
          "required":["path","content"],"additionalProperties":false})json"),
        {"file:write:files", "file:write:workspace", "file:write:unknown"},
        kOwn},
       make_seated<FileWrite>},
      {{"file_edit",
        "Edit a text file in files/ by replacing one passage.",
        Effect::write,
        schema_of(R"json({"type":"object","properties":{
          "path":{"type":"string","minLength":1,"maxLength":1100,"description":"such as files/notes.txt"},
          "old":{"type":"string","minLength":1,"maxLength":100000,"description":"the passage as it stands, occurring exactly once"},
          "new":{"type":"string","maxLength":100000,"description":"what replaces it"}},
          "required":["path","old","new"],"additionalProperties":false})json"),
        {"file:write:files", "file:write:workspace", "file:write:unknown"},
        kOwn},
       make_seated<FileEdit>},
  };
  return tools;
}

}  // namespace usher::tool
