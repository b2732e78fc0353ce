// links: audit
//
// Any bytes as a note, a key and a file of checkpoints: refused, or read as they were written; never taken for signed.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "audit/check/history.h"
#include "audit/note/checkpoint.h"
#include "audit/note/note.h"

namespace {

using namespace usher;
using namespace usher::audit;

void demand(bool holds) {
  if (!holds) std::abort();
}

const SigningKey& known_key() {
  static const SigningKey key =
      *SigningKey::parse(Secret("PRIVATE+KEY+usher+32b96553+AZ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g"));
  return key;
}

void check_keys(std::string_view input) {
  const Result<VerifyKey> verify_key = VerifyKey::parse(input);
  // Hex digits may be written in upper case; everything else has one spelling.
  if (verify_key) demand(VerifyKey::parse(verify_key->text()) == *verify_key);
  const Result<Checkpoint> checkpoint = Checkpoint::parse(input);
  if (checkpoint) demand(input.starts_with(checkpoint->text()));
}

void check_notes(std::string_view input) {
  const Result<Note> note = Note::parse(input);
  if (note) demand(input.starts_with(note->text) && !note->signatures.empty());
  const NoteFile file = split_notes(input);
  demand(file.whole_bytes <= input.size());
  std::size_t end = 0;
  for (const NoteFile::Part& part : file.notes) {
    demand(part.offset >= end && input.substr(part.offset, part.note.size()) == part.note);
    end = part.offset + part.note.size();
  }
  const History history = parse_history(input, "checkpoints", known_key().verify_key(), "");
  for (const SignedCheckpoint& each : history.checkpoints)
    demand(known_key().sign(each.checkpoint.text()) == each.note);
}

// What was signed is read again, whatever stands behind it; a note of anything else is not.
void check_signed(std::string_view input) {
  if (input.empty() || !input.ends_with('\n') || input.find("\n\n") != input.npos) return;
  const std::string note = known_key().sign(input);
  const Result<Note> parsed = Note::parse(note);
  if (!parsed) return;  // too long, or not plain text
  demand(parsed->text == input);
  demand(parsed->verify(known_key().verify_key()).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_keys(input);
  check_notes(input);
  check_signed(input);
  return 0;
}
