#include "provider/provider.h"

namespace usher::provider {

namespace {

constexpr std::int64_t tokens_per_image = 1500;
constexpr std::int64_t framing_bytes = 24;  // role, quotes and separators of a message, a call or a tool

// About what serialising would give, without doing it.
std::int64_t bytes_of(const json::value& value) {
  std::int64_t bytes = 8;
  if (const json::string* text = value.if_string()) {
    bytes += static_cast<std::int64_t>(text->size());
  } else if (const json::array* array = value.if_array()) {
    for (const json::value& item : *array) bytes += bytes_of(item);
  } else if (const json::object* object = value.if_object()) {
    for (const auto& [name, item] : *object) bytes += static_cast<std::int64_t>(name.size()) + 4 + bytes_of(item);
  } else if (value.is_number()) {
    bytes += 16;
  }
  return bytes;
}

std::int64_t bytes_of(const Message& message) {
  auto bytes = static_cast<std::int64_t>(message.text.size() + message.tool_call_id.size()) + framing_bytes;
  for (const ToolCall& call : message.tool_calls) {
    bytes += static_cast<std::int64_t>(call.id.size() + call.name.size() + call.arguments.size()) + framing_bytes;
  }
  return bytes;
}

}  // namespace

std::int64_t estimate_input_tokens(const Request& request) {
  std::int64_t bytes = framing_bytes;
  std::int64_t images = 0;
  for (const Message& message : request.messages) {
    bytes += bytes_of(message);
    images += static_cast<std::int64_t>(message.images.size());
  }
  for (const ToolOffer& tool : request.tools) {
    bytes += static_cast<std::int64_t>(tool.name.size() + tool.description.size()) + framing_bytes;
    for (const auto& [name, value] : *tool.parameters) {
      bytes += static_cast<std::int64_t>(name.size()) + 4 + bytes_of(value);
    }
  }
  return (bytes + 2) / 3 + images * tokens_per_image;
}

}  // namespace usher::provider
