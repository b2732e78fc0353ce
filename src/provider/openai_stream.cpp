#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/secret.h"
#include "base/text.h"
#include "provider/openai_codec.h"

namespace usher::provider {

namespace {

constexpr std::size_t max_event_bytes = 2u << 20;
constexpr std::size_t max_object_bytes = 4u << 20;
constexpr std::size_t max_text_bytes = 1u << 20;
constexpr std::size_t max_tool_calls = 512;
constexpr std::size_t max_argument_bytes = 256u << 10;
constexpr std::size_t max_name_bytes = 256;
constexpr std::int64_t max_token_count = 1'000'000'000;

json::parse_options parse_options() {
  json::parse_options options;
  options.allow_invalid_utf8 = true;  // a character may be cut between two deltas; the joined text is repaired
  return options;
}

FinishReason finish_reason_from(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, FinishReason>, 4> reasons = {{
      {"tool_calls", FinishReason::tool_calls},
      {"function_call", FinishReason::tool_calls},
      {"length", FinishReason::length},
      {"content_filter", FinishReason::content_filter},
  }};
  const auto found = std::ranges::find(reasons, name, &std::pair<std::string_view, FinishReason>::first);
  return found == reasons.end() ? FinishReason::stop : found->second;
}

// Bytes at the end of `text` that begin a UTF-8 sequence but do not end it.
std::size_t unfinished_bytes(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0) == 0x80) continue;
    const std::size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

// The value of the four hex digits at `at`, or -1.
int hex4(std::string_view text, std::size_t at) {
  if (at + 4 > text.size()) return -1;
  int value = -1;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + at + 4, value, 16);
  return error == std::errc() && end == text.data() + at + 4 ? value : -1;
}

// Replaces the escapes of lone surrogates, which no UTF-8 can hold, by that of U+FFFD: some servers cut an emoji
// between two deltas and escape each half.
std::string mend_surrogates(std::string_view text) {
  std::string mended(text);
  for (std::size_t i = 0; i + 1 < mended.size(); ++i) {
    if (mended[i] != '\\') continue;
    const int unit = mended[i + 1] == 'u' ? hex4(mended, i + 2) : -1;
    if (unit < 0xD800 || unit > 0xDFFF) {
      ++i;  // the escaped character, which may be another backslash
      continue;
    }
    const bool is_escape = mended.compare(i + 6, 2, "\\u") == 0;
    const int next = is_escape ? hex4(mended, i + 8) : -1;
    if (unit < 0xDC00 && next >= 0xDC00 && next <= 0xDFFF) {
      i += 11;
    } else {
      mended.replace(i + 2, 4, "fffd");
      i += 5;
    }
  }
  return mended;
}

std::int64_t count_at(const json::value& in, std::string_view name) {
  const json::value* value = member(&in, name);
  boost::system::error_code error;
  const auto number = value && value->is_number() ? value->to_number<std::int64_t>(error) : 0;
  return error ? 0 : std::clamp<std::int64_t>(number, 0, max_token_count);
}

// Parses into `storage`, which must outlive the value. null and an error for what is not one JSON text.
json::value parse_chunk(std::string_view text, const json::storage_ptr& storage, boost::system::error_code& error) {
  std::array<unsigned char, 4096> scratch;
  json::parser parser({}, parse_options(), scratch.data(), scratch.size());
  parser.reset(storage);
  parser.write(text.data(), text.size(), error);
  return error ? json::value() : parser.release();
}

std::string as_valid_utf8(std::string text) { return is_valid_utf8(text) ? std::move(text) : repair_utf8(text); }

}  // namespace

ChatDecoder::ChatDecoder(const TextSink& sink) : sink_(sink), events_(max_event_bytes) {
  completion_.usage.is_estimate = true;
}

ChatDecoder::State ChatDecoder::state() const {
  if (failure_) return State::failed;
  return has_done_ || has_finish_reason_ ? State::finished : State::open;
}

ChatDecoder::State ChatDecoder::fail_with(std::string message) {
  if (!failure_) failure_ = Error{ErrorKind::protocol, std::move(message)};
  return State::failed;
}

ChatDecoder::State ChatDecoder::feed(std::string_view piece) {
  if (failure_) return State::failed;
  if (form_ == Form::unknown) {
    const std::size_t begin = piece.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
    if (begin == std::string_view::npos) return State::open;
    piece.remove_prefix(begin);
    if (piece.front() == '<') return fail_with("the provider answered HTML; is base_url right?");
    form_ = piece.front() == '{' || piece.front() == '[' ? Form::object : Form::events;
  }
  if (form_ == Form::object) {
    if (object_.size() + piece.size() > max_object_bytes) return fail_with("the provider's answer is too large");
    object_ += piece;
    return State::open;
  }
  const Result<void> fed = events_.feed(piece, [this](const net::SseEvent& event) {
    take_event(event);
    return !failure_;
  });
  if (!fed) return fail_with(fed.error().message);
  return state();
}

void ChatDecoder::take_event(const net::SseEvent& event) {
  const std::string_view data = trim(event.data);
  if (has_done_ || data.empty()) return;
  if (data == "[DONE]") {
    has_done_ = true;
    return;
  }
  take_json(data);
  if (event.type == "error") fail_with("the provider answered with an error event");
}

void ChatDecoder::take_json(std::string_view text) {
  std::array<unsigned char, 8192> memory;
  json::monotonic_resource resource(memory.data(), memory.size());
  boost::system::error_code error;
  json::value answer = parse_chunk(text, &resource, error);
  if (error) answer = parse_chunk(mend_surrogates(text), &resource, error);
  if (error) {
    fail_with("the provider answered broken JSON");
  } else if (!answer.is_object()) {
    fail_with("the provider answered JSON that is not an object");
  } else {
    take_answer(answer);
  }
}

void ChatDecoder::take_answer(const json::value& answer) {
  if (const json::value* error = member(&answer, "error"); error && !error->is_null()) {
    const std::string words = vendor_message(*error);
    fail_with(fmt::format("the provider answered with an error{}{}", words.empty() ? "" : ": ", words));
    return;
  }
  if (const json::value* usage = member(&answer, "usage"); usage && usage->is_object()) take_usage(*usage);
  const json::array* choices = array_at(&answer, "choices");
  if (!choices) return;
  for (const json::value& choice : *choices) {
    // Only one choice was asked for.
    if (integer_at(&choice, "index").value_or(0) == 0) take_choice(choice);
    if (failure_) return;
  }
}

void ChatDecoder::take_choice(const json::value& choice) {
  const json::value* content = member(&choice, "delta");
  if (!content || !content->is_object()) content = member(&choice, "message");
  take_content(content);
  const std::string_view reason = string_at(&choice, "finish_reason").value_or("");
  if (!reason.empty()) {  // some servers send "" where others send null
    completion_.finish_reason = finish_reason_from(reason);
    has_finish_reason_ = true;
  }
}

void ChatDecoder::take_content(const json::value* content) {
  for (const std::string_view name : {"content", "refusal"}) {
    if (const std::optional<std::string_view> text = string_at(content, name)) take_text(*text);
  }
  if (const json::array* parts = array_at(content, "content")) {
    for (const json::value& part : *parts) {
      if (const std::optional<std::string_view> text = string_at(&part, "text")) take_text(*text);
    }
  }
  if (const json::array* calls = array_at(content, "tool_calls")) {
    for (std::size_t i = 0; i < calls->size() && !failure_; ++i) take_tool_call((*calls)[i], i);
  }
}

void ChatDecoder::take_text(std::string_view text) {
  if (failure_ || text.empty()) return;
  if (completion_.text.size() + text.size() > max_text_bytes) {
    fail_with("the provider's answer is longer than 1 MiB");
    return;
  }
  completion_.text += text;
  flush_text(false);
}

void ChatDecoder::flush_text(bool is_last) {
  if (!sink_) return;
  const std::string_view pending = std::string_view(completion_.text).substr(flushed_bytes_);
  const std::string_view whole = pending.substr(0, pending.size() - (is_last ? 0 : unfinished_bytes(pending)));
  if (whole.empty()) return;
  flushed_bytes_ += whole.size();
  if (is_valid_utf8(whole)) {
    sink_(whole);
  } else {
    sink_(repair_utf8(whole));
  }
}

ToolCall* ChatDecoder::slot_for(std::int64_t index, std::string_view id) {
  std::vector<ToolCall>& calls = completion_.tool_calls;
  if (index < 0 || index >= static_cast<std::int64_t>(max_tool_calls)) return nullptr;
  if (const auto found = slots_.find(index); found != slots_.end()) {
    ToolCall& call = calls[found->second];
    // Some servers give every call the index 0: another id is another call.
    if (id.empty() || call.id.empty() || call.id == id) return &call;
  }
  if (calls.size() >= max_tool_calls) return nullptr;
  slots_[index] = calls.size();
  return &calls.emplace_back();
}

void ChatDecoder::take_tool_call(const json::value& delta, std::size_t position) {
  const std::string_view id = string_at(&delta, "id").value_or("");
  const json::value* function = member(&delta, "function");
  const std::string_view name = string_at(function, "name").value_or("");
  const std::int64_t index = integer_at(&delta, "index").value_or(static_cast<std::int64_t>(position));
  ToolCall* call = slot_for(index, id);
  if (!call || id.size() > max_name_bytes || name.size() > max_name_bytes) {
    fail_with("the provider answered with impossible tool calls");
    return;
  }
  if (call->id.empty()) call->id = id;
  if (call->name.empty()) call->name = name;
  const json::value* arguments = member(function, "arguments");
  if (!arguments || arguments->is_null()) return;
  const bool is_text = arguments->is_string();
  const std::string written = is_text ? std::string() : json::serialize(*arguments);  // some servers send an object
  const std::string_view piece = is_text ? std::string_view(arguments->get_string()) : std::string_view(written);
  argument_bytes_ += piece.size();
  if (argument_bytes_ > max_argument_bytes) {
    fail_with("the provider's tool calls are longer than 256 KiB");
    return;
  }
  call->arguments += piece;
}

void ChatDecoder::take_usage(const json::value& usage) {
  Usage& into = completion_.usage;
  into.is_estimate = false;
  into.input_tokens = count_at(usage, "prompt_tokens");
  into.output_tokens = count_at(usage, "completion_tokens");
  const json::value* details = member(&usage, "prompt_tokens_details");
  into.cached_input_tokens = details ? std::min(count_at(*details, "cached_tokens"), into.input_tokens) : 0;
}

Result<void> ChatDecoder::complete_tool_calls() {
  std::size_t number = 0;
  for (ToolCall& call : completion_.tool_calls) {
    ++number;
    if (call.name.empty()) return fail(ErrorKind::protocol, "the provider answered with a tool call without a name");
    if (call.id.empty()) call.id = fmt::format("call_{}", number);
    for (std::string* text : {&call.id, &call.name, &call.arguments}) *text = as_valid_utf8(std::move(*text));
  }
  if (!completion_.tool_calls.empty() && completion_.finish_reason == FinishReason::stop) {
    completion_.finish_reason = FinishReason::tool_calls;
  }
  return {};
}

Result<Completion> ChatDecoder::finish() {
  if (!failure_ && form_ == Form::object) {
    take_json(object_);
    // A whole object is a whole answer, with or without a reason, when it held a choice.
    if (!completion_.text.empty() || !completion_.tool_calls.empty()) has_finish_reason_ = true;
  }
  if (failure_) return fail(*failure_);
  if (state() != State::finished) return fail(ErrorKind::protocol, "the provider's answer was cut");
  flush_text(true);
  completion_.text = as_valid_utf8(std::move(completion_.text));
  Result<void> calls = complete_tool_calls();
  if (!calls) return fail(std::move(calls.error()));
  return std::move(completion_);
}

}  // namespace usher::provider
