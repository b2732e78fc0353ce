#include "audit/check/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "base/files.h"
#include "base/text.h"

namespace usher::audit {
namespace {

constexpr std::size_t kRootCharacters = 44;
constexpr std::size_t kSignatureCharacters = 92;  // 4 + 64 bytes in base64

// Takes `expected` off the front; what is shorter than it may be its beginning. False: it is something else.
bool take(std::string_view& text, std::string_view expected) {
  const std::size_t common = std::min(text.size(), expected.size());
  if (text.substr(0, common) != expected.substr(0, common)) return false;
  text.remove_prefix(common);
  return true;
}

std::size_t count_of(std::string_view text, std::string_view characters) {
  return std::min(text.find_first_not_of(characters), text.size());
}

// Whether a checkpoint could begin like this: then writing it may have been interrupted. Anything else was put there.
bool may_be_torn(std::string_view text, const std::string& origin, const VerifyKey& key) {
  constexpr std::string_view base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
  if (text.size() > 4096 || !take(text, origin + "\n")) return false;
  text.remove_prefix(count_of(text, "0123456789"));
  if (!take(text, "\n")) return false;
  text.remove_prefix(std::min(count_of(text, base64), kRootCharacters));
  if (!take(text, fmt::format("\n\n— {} ", key.name()))) return false;
  return text.size() <= kSignatureCharacters && count_of(text, base64) == text.size();
}

Finding not_a_checkpoint(const std::string& name, std::size_t offset, const std::string& why) {
  return {.what = fmt::format("the checkpoint at byte {} of {} is not to be trusted: {}", offset, name, why)};
}

// By size, each size once; two roots for one size are a finding.
void put_in_order(History& history, const std::string& name) {
  std::vector<SignedCheckpoint>& all = history.checkpoints;
  const auto size_of = [](const SignedCheckpoint& each) { return each.checkpoint.size; };
  std::ranges::sort(all, {}, size_of);
  for (std::size_t i = 1; i < all.size() && !history.finding; ++i) {
    const Checkpoint& one = all[i - 1].checkpoint;
    const Checkpoint& other = all[i].checkpoint;
    if (one.size != other.size || one.root == other.root) continue;
    history.finding = Finding{.what = fmt::format("{} has two different checkpoints of {} rows", name, one.size),
                              .expected = to_hex(one.root),
                              .found = to_hex(other.root)};
  }
  const auto repeated = std::ranges::unique(all, {}, size_of);
  all.erase(repeated.begin(), repeated.end());
}

}  // namespace

History parse_history(std::string_view text, const std::string& name, const VerifyKey& key, std::string origin) {
  History history;
  const NoteFile file = split_notes(text);
  for (const NoteFile::Part& part : file.notes) {
    Result<Checkpoint> checkpoint = open_checkpoint(part.note, key);
    if (checkpoint && origin.empty()) origin = checkpoint->origin;
    if (!checkpoint || checkpoint->origin != origin) {
      const std::string why = checkpoint
                                  ? fmt::format("it is of '{}', not of '{}'", printable(checkpoint->origin), origin)
                                  : checkpoint.error().message;
      history.finding = not_a_checkpoint(name, part.offset, why);
      break;
    }
    if (checkpoint->size > 0) history.checkpoints.push_back({std::move(*checkpoint), std::string(part.note)});
  }
  put_in_order(history, name);
  const std::string_view rest = text.substr(file.whole_bytes);
  if (history.finding || rest.empty()) return history;
  if (may_be_torn(rest, origin, key)) {
    history.notices.push_back(
        fmt::format("the last checkpoint of {} is torn (usher was interrupted while writing it)", name));
  } else {
    history.finding = not_a_checkpoint(name, file.whole_bytes, "it is no signed note");
  }
  return history;
}

Result<History> read_history(const std::filesystem::path& file, const VerifyKey& key, const std::string& origin) {
  std::error_code failed;
  const auto status = std::filesystem::status(file, failed);
  if (status.type() == std::filesystem::file_type::not_found) {
    History none;
    none.notices.push_back(fmt::format("there is no file of checkpoints: {}", file.string()));
    return none;
  }
  Result<std::string> text = read_file(file, kMaxHistoryBytes);
  if (!text) return fail(std::move(text.error()));
  return parse_history(*text, file.string(), key, origin);
}

}  // namespace usher::audit
