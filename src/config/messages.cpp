#include "config/messages.h"

#include <fmt/format.h>

#include "config/reading/document.h"

namespace usher::config {

Result<std::map<std::string, std::string>> parse_messages(std::string_view text) {
  constexpr std::size_t kMaxBytes = 64u << 10;
  if (text.size() > kMaxBytes) return fail(ErrorKind::invalid, "messages.toml is larger than 64 KiB");
  const std::expected<Value, Problem> parsed = parse_document(text, "messages.toml");
  if (!parsed) return fail(ErrorKind::invalid, to_string(parsed.error()));
  std::map<std::string, std::string> messages;
  for (const Entry& entry : parsed->entries) {
    if (entry.value.kind != ValueKind::text) {
      const std::string message = fmt::format("'{}' must be a string", entry.key);
      return fail(ErrorKind::invalid, to_string(Problem{entry.value.source, false, message}));
    }
    messages.emplace(entry.key, entry.value.text);
  }
  return messages;
}

}  // namespace usher::config
