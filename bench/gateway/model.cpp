#include "model.h"

#include <fmt/format.h>

#include <charconv>

namespace usher::bench {

std::int64_t number_after_last(std::string_view text, std::string_view name) {
  std::size_t at = text.rfind(name);
  if (at == std::string_view::npos) return -1;
  std::int64_t value = -1;
  std::from_chars(text.data() + at + name.size(), text.data() + text.size(), value);
  return value;
}

std::string model_stream(std::int64_t ticket) {
  constexpr std::string_view envelope =
      R"(data: {{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"bench","choices":[{}]{}}})"
      "\n\n";
  auto piece = [&](std::string_view delta, std::string_view reason) {
    std::string choice = fmt::format(R"({{"index":0,"delta":{},"finish_reason":{}}})", delta, reason);
    return fmt::format(fmt::runtime(envelope), choice, "");
  };
  std::string stream = piece(R"({"role":"assistant","content":""})", "null");
  stream += piece(fmt::format(R"({{"content":"{}{} "}})", ticket_mark, ticket), "null");
  stream += piece(R"({"content":"An umbrella, "})", "null");
  stream += piece(R"({"content":"rubber boots and a good book."})", "null");
  stream += piece("{}", R"("stop")");
  stream += fmt::format(fmt::runtime(envelope), "",
                        R"(,"usage":{"prompt_tokens":400,"completion_tokens":20,"total_tokens":420})");
  return stream + "data: [DONE]\n\n";
}

}  // namespace usher::bench
