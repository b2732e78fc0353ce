#include "gateway/room/room.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "agent/history.h"
#include "base/text.h"
#include "config/messages.h"

namespace usher::gateway {
namespace {

constexpr const char* kPromptFile = "AGENTS.md";
constexpr const char* kMessagesFile = "messages.toml";
constexpr std::size_t kMaxPromptBytes = 256u << 10;
constexpr std::size_t kMaxMessagesBytes = 64u << 10;
constexpr std::chrono::seconds kLookAgain{1};

bool is_same_file(const FileEntry& a, const FileEntry& b) {
  return a.size == b.size && a.modified_ns == b.modified_ns && a.inode == b.inode;
}

Texts read_texts(const Beneath& root, const std::filesystem::path& where) {
  Result<std::string> bytes = root.read(kMessagesFile, kMaxMessagesBytes);
  if (!bytes) return Texts();
  Result<std::map<std::string, std::string>> messages = config::parse_messages(*bytes);
  if (!messages) {
    spdlog::error("{}: {}; the built-in texts are used", where.string(), messages.error().message);
    return Texts();
  }
  const std::vector<std::string> names = Texts::names();
  for (const auto& [name, sentence] : *messages) {
    if (std::ranges::find(names, name) != names.end()) continue;
    spdlog::warn("{}: {} has no sentence '{}'", where.string(), kMessagesFile, printable(name));
  }
  return Texts(std::move(*messages));
}

}  // namespace

Result<std::shared_ptr<const Room>> Rooms::find(const std::string& workspace_root) {
  Known& known = known_[workspace_root];
  const MonotonicTime now = clock_.monotonic();
  if (known.room && now < known.looked_at + kLookAgain) return known.room;
  known.looked_at = now;
  return read(workspace_root, known);
}

Texts Rooms::texts(const std::string& workspace_root) {
  Result<std::shared_ptr<const Room>> room = find(workspace_root);
  return room ? (*room)->texts : known_[workspace_root].texts;
}

Result<std::shared_ptr<const Room>> Rooms::read(const std::string& workspace_root, Known& known) {
  // What fails below leaves no room behind.
  const std::shared_ptr<const Room> last = std::exchange(known.room, nullptr);
  Result<Beneath> root = Beneath::open(workspace_root);
  if (!root) return fail(std::move(root.error()));
  const FileEntry messages = root->stat(kMessagesFile).value_or(FileEntry{});
  const bool has_same_texts = is_same_file(messages, known.messages);
  if (!has_same_texts) known.texts = read_texts(*root, workspace_root);
  known.messages = messages;

  Result<FileEntry> prompt = root->stat(kPromptFile);
  if (!prompt) {
    return fail(ErrorKind::not_found, fmt::format("workspace {} has no readable {}: {}", workspace_root, kPromptFile,
                                                  prompt.error().message));
  }
  if (last && has_same_texts && is_same_file(*prompt, known.prompt)) return known.room = last;
  Result<std::string> agents_md = root->read(kPromptFile, kMaxPromptBytes);
  // Whatever is wrong with it is the operator's matter: the reason, and its kind, are not for the person who writes.
  if (!agents_md) {
    return fail(ErrorKind::io, fmt::format("workspace {}: {}", workspace_root, agents_md.error().message));
  }
  if (trim(*agents_md).empty()) {
    return fail(ErrorKind::not_found, fmt::format("{} of workspace {} is empty", kPromptFile, workspace_root));
  }
  known.prompt = *prompt;
  known.room =
      std::make_shared<const Room>(Room{.system_prompt = agent::system_prompt(*agents_md), .texts = known.texts});
  return known.room;
}

}  // namespace usher::gateway
