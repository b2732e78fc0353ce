#include "audit/note/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace usher::audit {
namespace {

constexpr std::string_view kBlankLine = "\n\n";
constexpr std::string_view kSignatureStart = "\xE2\x80\x94 ";

std::unexpected<Error> malformed() {
  return fail(ErrorKind::invalid, "this is no checkpoint: it is an origin, a number of rows and a root, a line each");
}

// Takes the next line off, without its newline; nullopt when there is none.
std::optional<std::string_view> take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

}  // namespace

std::string Checkpoint::text() const {
  return fmt::format("{}\n{}\n{}\n", origin, size,
                     to_base64(std::string_view(reinterpret_cast<const char*>(root.data()), root.size())));
}

Result<Checkpoint> Checkpoint::parse(std::string_view text) {
  const std::optional<std::string_view> origin = take_line(text);
  const std::optional<std::string_view> size = take_line(text);
  const std::optional<std::string_view> root = take_line(text);
  if (!origin || origin->empty() || !size || !root) return malformed();
  Checkpoint checkpoint{.origin = std::string(*origin)};
  const auto [end, error] = std::from_chars(size->data(), size->data() + size->size(), checkpoint.size);
  if (error != std::errc() || fmt::format("{}", checkpoint.size) != *size) return malformed();
  const std::optional<std::string> hash = from_base64(*root);
  if (!hash || hash->size() != checkpoint.root.size()) return malformed();
  std::ranges::transform(*hash, checkpoint.root.begin(), [](char c) { return static_cast<unsigned char>(c); });
  return checkpoint;
}

Result<Checkpoint> open_checkpoint(std::string_view note, const VerifyKey& key) {
  Result<Note> parsed = Note::parse(note);
  if (!parsed) return fail(std::move(parsed.error()));
  Result<void> verified = parsed->verify(key);
  if (!verified) return fail(std::move(verified.error()));
  return Checkpoint::parse(parsed->text);
}

NoteFile split_notes(std::string_view text) {
  NoteFile file;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    // A note ends with the line behind which there is a blank one, or nothing, and it ends with signatures.
    const bool is_signatures = at > begin && text.substr(at).starts_with(kSignatureStart);
    const std::size_t blank = text.find(kBlankLine, at);
    const bool is_last = blank == std::string_view::npos;
    if (is_last && !text.ends_with('\n')) break;
    const std::size_t end = is_last ? text.size() : blank + 1;
    at = is_last ? end : end + 1;
    if (!is_signatures) continue;
    file.notes.push_back({begin, text.substr(begin, end - begin)});
    file.whole_bytes = begin = at;
  }
  return file;
}

}  // namespace usher::audit
