// Checkpoints (C2SP tlog-checkpoint): whose log, how many rows, which root; signed as a note. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "audit/note/note.h"
#include "base/hash.h"
#include "base/result.h"

namespace usher::audit {

struct Checkpoint {
  std::string origin;
  std::uint64_t size = 0;
  Digest root{};

  std::string text() const;
  // Lines behind the third are allowed and ignored. Any spelling of a number but the shortest is refused.
  static Result<Checkpoint> parse(std::string_view text);
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

// The checkpoint of a note that is signed by that key; denied when it is not, invalid when it is no checkpoint.
Result<Checkpoint> open_checkpoint(std::string_view note, const VerifyKey& key);

// Many notes one after the other, each followed by a blank line (the last one need not be). What follows the last whole
// note is torn: a crash in the middle of writing it.
struct NoteFile {
  struct Part {
    std::size_t offset = 0;
    std::string_view note;  // into the text
  };
  std::vector<Part> notes;
  std::size_t whole_bytes = 0;  // up to the end of the last whole note
};
// Splits without looking into the notes. A text that does not begin at a file's beginning may begin in the middle of a
// note: its first part then is no whole note.
NoteFile split_notes(std::string_view text);

}  // namespace usher::audit
