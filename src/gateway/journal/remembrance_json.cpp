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
  json::array entries;
  entries.reserve(remembrance.entries.size());
  for (const memory::Entry& entry : remembrance.entries) {
    entries.push_back(json::array{entry.author, entry.text, entry.extra});
  }
  return json::serialize(json::object{{"memory", remembrance.memory_db.lexically_relative(data_dir).native()},
                                      {"conversation", remembrance.conversation},
                                      {"turn", remembrance.turn},
                                      {"entries", std::move(entries)}});
}

Result<Remembrance> remembrance_from_json(std::string_view text, const std::filesystem::path& data_dir) {
  if (text.empty()) return Remembrance();
  Result<json::value> parsed = parse_json(text, kMaxStoredBytes);
  if (!parsed) return fail(std::move(parsed.error()));
  const std::filesystem::path file(string_at(&*parsed, "memory").value_or(""));
  const json::array* entries = array_at(&*parsed, "entries");
  if (!is_beneath(file) || !entries) return fail(ErrorKind::invalid, "what is to be remembered names no memory");
  Remembrance out{.memory_db = data_dir / file,
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
