#include <fmt/format.h>

#include <iterator>

#include "base/hash.h"
#include "base/text.h"
#include "provider/openai_codec.h"

namespace usher::provider {

namespace {

// True for the bytes that cannot stand in a JSON string as they are.
bool needs_escape(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

// How many bytes from `begin` on stand in a JSON string as they are. Block by block, which compilers make vectors of.
std::size_t plain_length(std::string_view text, std::size_t begin) {
  constexpr std::size_t block = 16;
  std::size_t end = begin;
  for (; end + block <= text.size(); end += block) {
    bool is_plain = true;
    for (std::size_t i = 0; i < block; ++i) is_plain &= !needs_escape(text[end + i]);
    if (!is_plain) break;
  }
  while (end < text.size() && !needs_escape(text[end])) ++end;
  return end - begin;
}

void append_escape(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
  }
}

void append_image(std::string& out, const Image& image) {
  out += R"({"type":"image_url","image_url":{"url":)";
  append_json_string(out, "data:" + image.media_type + ";base64,");
  out.pop_back();
  out += to_base64(image.bytes);
  out += "\"}}";
}

void append_user_content(std::string& out, const Message& message) {
  if (message.images.empty()) {
    append_json_string(out, message.text);
    return;
  }
  out += '[';
  if (!message.text.empty()) {
    out += R"({"type":"text","text":)";
    append_json_string(out, message.text);
    out += "},";
  }
  for (const Image& image : message.images) {
    append_image(out, image);
    out += ',';
  }
  out.back() = ']';
}

void append_tool_calls(std::string& out, const std::vector<ToolCall>& calls) {
  out += R"(,"tool_calls":[)";
  for (const ToolCall& call : calls) {
    out += R"({"id":)";
    append_json_string(out, call.id);
    out += R"(,"type":"function","function":{"name":)";
    append_json_string(out, call.name);
    out += R"(,"arguments":)";
    append_json_string(out, call.arguments.empty() ? std::string_view("{}") : std::string_view(call.arguments));
    out += "}},";
  }
  out.back() = ']';
}

void append_message(std::string& out, const Message& message) {
  switch (message.author) {
    case Author::system:
      out += R"({"role":"system","content":)";
      append_json_string(out, message.text);
      break;
    case Author::user:
      out += R"({"role":"user","content":)";
      append_user_content(out, message);
      break;
    case Author::assistant:
      out += R"({"role":"assistant","content":)";
      if (message.text.empty() && !message.tool_calls.empty()) {
        out += "null";
      } else {
        append_json_string(out, message.text);
      }
      if (!message.tool_calls.empty()) append_tool_calls(out, message.tool_calls);
      break;
    case Author::tool:
      out += R"({"role":"tool","tool_call_id":)";
      append_json_string(out, message.tool_call_id);
      out += R"(,"content":)";
      append_json_string(out, message.text);
      break;
  }
  out += '}';
}

void append_tool(std::string& out, const ToolOffer& tool) {
  out += R"({"type":"function","function":{"name":)";
  append_json_string(out, tool.name);
  out += R"(,"description":)";
  append_json_string(out, tool.description);
  out += R"(,"parameters":)";
  out += json::serialize(*tool.parameters);
  out += "}}";
}

std::size_t size_hint(const Request& request) {
  std::size_t bytes = 512 + request.tools.size() * 1024;
  for (const Message& message : request.messages) {
    bytes += 128 + message.text.size() + message.text.size() / 16 + message.tool_calls.size() * 256;
    for (const Image& image : message.images) bytes += image.bytes.size() * 4 / 3 + 128;
  }
  return bytes;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  std::string repaired;
  if (!is_valid_utf8(text)) {
    repaired = repair_utf8(text);
    text = repaired;
  }
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = plain_length(text, at);
    out.append(text, at, length);
    at += length;
    if (at < text.size()) append_escape(out, text[at++]);
  }
  out += '"';
}

std::string encode_chat(const Request& request, const ChatOptions& options) {
  std::string out;
  out.reserve(size_hint(request));
  out += R"({"model":)";
  append_json_string(out, options.model);
  out += R"(,"messages":[)";
  for (const Message& message : request.messages) {
    append_message(out, message);
    out += ',';
  }
  if (out.back() == ',') out.pop_back();
  fmt::format_to(std::back_inserter(out), R"(],"stream":true,"stream_options":{{"include_usage":true}},"{}":{})",
                 options.has_completion_tokens ? "max_completion_tokens" : "max_tokens", options.max_output_tokens);
  if (!request.tools.empty()) {
    out += R"(,"tools":[)";
    for (const ToolOffer& tool : request.tools) {
      append_tool(out, tool);
      out += ',';
    }
    out.back() = ']';
  }
  out += '}';
  return out;
}

}  // namespace usher::provider
