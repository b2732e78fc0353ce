// What a workspace's files say: the prompt (AGENTS.md) and the texts (messages.toml). Read beneath the workspace, kept
// until the files change; looked at once a second at most. Event-loop thread.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/beneath.h"
#include "base/clock.h"
#include "base/result.h"
#include "gateway/room/texts.h"

namespace usher::gateway {

struct Room {
  std::string system_prompt;  // byte-stable while AGENTS.md does not change
  Texts texts;
};

class Rooms {
 public:
  explicit Rooms(const Clock& clock) : clock_(clock) {}

  // Fails when AGENTS.md is missing, empty or unreadable: the turn must fail then, never borrow another role's prompt.
  Result<std::shared_ptr<const Room>> find(const std::string& workspace_root);
  // The workspace's texts, with or without a prompt beside them; the built-in ones where it has none or they are
  // broken.
  Texts texts(const std::string& workspace_root);

 private:
  struct Known {
    std::shared_ptr<const Room> room;
    Texts texts;
    FileEntry prompt, messages;  // what was read
    MonotonicTime looked_at{0};
  };
  Result<std::shared_ptr<const Room>> read(const std::string& workspace_root, Known& known);

  const Clock& clock_;
  std::unordered_map<std::string, Known> known_;
};

}  // namespace usher::gateway
