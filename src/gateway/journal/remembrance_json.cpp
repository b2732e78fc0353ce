#include "gateway/journal/remembrance_json.h"

#include "base/json.h"

namespace usher::gateway {
namespace {

// A turn's entries are bounded by the loop: answers, arguments and outputs of at most 10 × 16 calls, escaped.
constexpr std::size_t kMaxStoredBytes = 256u << 20;

bool is_beneath(const std::filesystem::path& path) {
  if (path.empty() || path.is_absolute()) return false;
  for (const std::filesystem::path& part : path) {
    if (part == "..") return false;
  }
  return true;
}

// `file` as seen from `directory`; another's stays absolute. As text: std::filesystem would take both apart for every
// message.
std::string_view beneath(std::string_view file, std::string_view directory) {
  if (!file.starts_with(directory)) return file;
  const std::string_view rest = file.substr(directory.size());
  return rest.starts_with('/') ? rest.substr(1) : file;
}

Result<memory::Entry> entry_from(const json::value& value) {
  const json::array* parts = value.if_array();
  if (!parts || parts->size() != 3) return fail(ErrorKind::invalid, "an entry has three parts");
  memory::Entry entry;
  std::string* const members[] = {&entry.author, &entry.text, &entry.extra};
  for (std::size_t i = 0; i < 3; ++i) {
    const json::string* text = (*parts)[i].if_string();
    if (!text) return fail(ErrorKind::invalid, "an entry holds something that is no text");
    *members[i] = *text;
  }
  return entry;
}

}  // namespace

std::string to_json(const Remembrance& remembrance, const std::filesystem::path& data_dir) {
  if (remembrance.memory_db.empty()) return "";
  const json::storage_ptr storage = one_piece();
  json::array entries(storage);
  entries.reserve(remembrance.entries.size());
  for (const memory::Entry& entry : remembrance.entries) {
    entries.push_back({entry.author, entry.text, entry.extra});
  }
  return json::serialize(json::object({{"memory", beneath(remembrance.memory_db, data_dir.native())},
                                       {"conversation", remembrance.conversation},
                                       {"turn", remembrance.turn},
                                       {"entries", std::move(entries)}},
                                      storage));
}

Result<Remembrance> remembrance_from_json(std::string_view text, const std::filesystem::path& data_dir) {
  if (text.empty()) return Remembrance();
  Result<json::value> parsed = parse_json(text, kMaxStoredBytes);
  if (!parsed) return fail(std::move(parsed.error()));
  const std::filesystem::path file(string_at(&*parsed, "memory").value_or(""));
  const json::array* entries = array_at(&*parsed, "entries");
  if (!is_beneath(file) || !entries) return fail(ErrorKind::invalid, "what is to be remembered names no memory");
  Remembrance out{.memory_db = (data_dir / file).native(),
                  .conversation = std::string(string_at(&*parsed, "conversation").value_or("")),
                  .turn = std::string(string_at(&*parsed, "turn").value_or(""))};
  for (const json::value& value : *entries) {
    Result<memory::Entry> entry = entry_from(value);
    if (!entry) return fail(std::move(entry.error()));
    out.entries.push_back(std::move(*entry));
  }
  return out;
}

}  // namespace usher::gateway
