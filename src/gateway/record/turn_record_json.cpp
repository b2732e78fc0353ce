// Completions and tool outputs as JSON: how the record of a turn keeps them.
#include "base/json.h"
#include "base/text.h"
#include "gateway/record/turn_record.h"

namespace usher::gateway {
namespace {

// What was stored must be readable again: answers and outputs are bounded where they come in, escapes make them six
// times longer.
constexpr std::size_t kMaxStoredBytes = 64u << 20;

constexpr ErrorKind kErrorKinds[] = {
    ErrorKind::invalid, ErrorKind::not_found,   ErrorKind::denied,   ErrorKind::limit, ErrorKind::busy,
    ErrorKind::timeout, ErrorKind::unavailable, ErrorKind::protocol, ErrorKind::io,    ErrorKind::cancelled};

ErrorKind error_kind(std::string_view word) {
  for (const ErrorKind kind : kErrorKinds) {
    if (to_string(kind) == word) return kind;
  }
  return ErrorKind::internal;
}

constexpr std::pair<provider::FinishReason, std::string_view> kReasons[] = {
    {provider::FinishReason::stop, "stop"},
    {provider::FinishReason::tool_calls, "tool_calls"},
    {provider::FinishReason::length, "length"},
    {provider::FinishReason::content_filter, "content_filter"}};

}  // namespace

std::string completion_to_json(const provider::Completion& completion) {
  const json::storage_ptr storage = one_piece();
  json::array calls(storage);
  for (const provider::ToolCall& call : completion.tool_calls) {
    calls.push_back({call.id, call.name, call.arguments});
  }
  std::string_view reason = "stop";
  for (const auto& [known, name] : kReasons) {
    if (known == completion.finish_reason) reason = name;
  }
  return json::serialize(json::object({{"text", completion.text},
                                       {"calls", std::move(calls)},
                                       {"finish", reason},
                                       {"input_tokens", completion.usage.input_tokens},
                                       {"cached_input_tokens", completion.usage.cached_input_tokens},
                                       {"output_tokens", completion.usage.output_tokens}},
                                      storage));
}

Result<provider::Completion> completion_from_json(std::string_view text) {
  Result<json::value> parsed = parse_json(text, kMaxStoredBytes);
  if (!parsed) return fail(std::move(parsed.error()));
  const json::array* calls = array_at(&*parsed, "calls");
  const std::optional<std::string_view> words = string_at(&*parsed, "text");
  if (!calls || !words) return fail(ErrorKind::invalid, "this is no answer of a model");
  provider::Completion completion{.text = std::string(*words)};
  for (const json::value& value : *calls) {
    const json::array* parts = value.if_array();
    if (!parts || parts->size() != 3) return fail(ErrorKind::invalid, "a call has three parts");
    provider::ToolCall call;
    std::string* const members[] = {&call.id, &call.name, &call.arguments};
    for (std::size_t i = 0; i < 3; ++i) {
      const json::string* part = (*parts)[i].if_string();
      if (!part) return fail(ErrorKind::invalid, "a call holds something that is no text");
      *members[i] = *part;
    }
    completion.tool_calls.push_back(std::move(call));
  }
  const std::string_view reason = string_at(&*parsed, "finish").value_or("stop");
  for (const auto& [known, name] : kReasons) {
    if (name == reason) completion.finish_reason = known;
  }
  completion.usage = {.input_tokens = integer_at(&*parsed, "input_tokens").value_or(0),
                      .cached_input_tokens = integer_at(&*parsed, "cached_input_tokens").value_or(0),
                      .output_tokens = integer_at(&*parsed, "output_tokens").value_or(0)};
  return completion;
}

std::string output_to_json(const Result<tool::ToolOutput>& output) {
  // What a tool says may be any bytes.
  if (output) return json::serialize(json::object{{"text", repair_utf8(output->text)}});
  return json::serialize(
      json::object{{"error", to_string(output.error().kind)}, {"message", repair_utf8(output.error().message)}});
}

Result<Result<tool::ToolOutput>> output_from_json(std::string_view text) {
  Result<json::value> parsed = parse_json(text, kMaxStoredBytes);
  if (!parsed) return fail(std::move(parsed.error()));
  if (const std::optional<std::string_view> output = string_at(&*parsed, "text")) {
    return Result<tool::ToolOutput>(tool::ToolOutput{std::string(*output)});
  }
  const std::optional<std::string_view> kind = string_at(&*parsed, "error");
  if (!kind) return fail(ErrorKind::invalid, "this is no output of a tool");
  return Result<tool::ToolOutput>(
      fail(error_kind(*kind), std::string(string_at(&*parsed, "message").value_or("the call failed"))));
}

}  // namespace usher::gateway
