// OpenAI's chat completions as bytes: the request's body, the answer's stream and its errors. Pure: no sockets, no
// clock. Bounded: 1 MiB of text, 512 tool calls, 256 KiB of arguments in all. Source: PROTOCOLS, "LLM providers".
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/json.h"
#include "net/sse.h"
#include "provider/provider.h"

namespace usher::provider {

struct ChatOptions {
  std::string_view model;
  std::int64_t max_output_tokens = 1024;
  // Newer models of OpenAI's own refuse "max_tokens" and want "max_completion_tokens".
  bool has_completion_tokens = false;
};

// The body of POST /chat/completions. Invalid UTF-8 in texts is repaired.
std::string encode_chat(const Request& request, const ChatOptions& options);
// Appends `text` as a JSON string with its quotes.
void append_json_string(std::string& out, std::string_view text);

// A 2xx body in any pieces, be it an event stream or one JSON object → a Completion. One object an answer.
class ChatDecoder {
 public:
  enum class State {
    open,      // more must come
    finished,  // complete: a finish reason or [DONE] was seen; usage may follow
    failed,    // nothing that follows can help
  };

  // `sink` may be empty; it must outlive the decoder.
  explicit ChatDecoder(const TextSink& sink);

  State feed(std::string_view piece);
  State state() const;
  bool has_failed() const { return failure_.has_value(); }

  // Once the body has ended. usage.is_estimate says that the vendor sent none (it is then all 0). Errors: protocol for
  // whatever is not a complete answer; foreign text in messages is redacted, printable and short.
  Result<Completion> finish();

 private:
  enum class Form { unknown, events, object };

  State fail_with(std::string message);
  void take_event(const net::SseEvent& event);
  void take_json(std::string_view text);
  void take_answer(const json::value& answer);
  void take_choice(const json::value& choice);
  void take_content(const json::value* content);
  void take_text(std::string_view text);
  void take_tool_call(const json::value& delta, std::size_t position);
  ToolCall* slot_for(std::int64_t index, std::string_view id);
  void take_usage(const json::value& usage);
  void flush_text(bool is_last);
  Result<void> complete_tool_calls();

  const TextSink& sink_;
  net::SseParser events_;
  std::string object_;  // the whole body of a server that does not stream
  Form form_ = Form::unknown;
  Completion completion_;
  std::unordered_map<std::int64_t, std::size_t> slots_;  // a delta's index → the place in tool_calls
  std::size_t argument_bytes_ = 0;
  std::size_t flushed_bytes_ = 0;
  bool has_finish_reason_ = false;
  bool has_done_ = false;
  std::optional<Error> failure_;
};

// What a non-2xx answer means: busy (429, 503, 529), invalid (other 4xx), unavailable (5xx). The vendor's own words
// only for what it found wrong with the request, never for a refused key.
Error refusal_of(int status, std::string_view body, std::string_view retry_after,
                 std::chrono::system_clock::time_point now);
// "30" or an HTTP date; nullopt for anything else. At most a day, never negative.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value,
                                                           std::chrono::system_clock::time_point now);
// The message in an error object of the shapes that are in use; "" when there is none. Redacted, printable, <= 200
// bytes.
std::string vendor_message(const json::value& error);

// Tokens of an answer, estimated from above like estimate_input_tokens.
std::int64_t estimate_output_tokens(const Completion& completion);

}  // namespace usher::provider
