#include "channels/discord/outbound/answer.h"

#include <utility>

#include "channels/discord/events/snowflake.h"
#include "channels/discord/outbound/text/split.h"

namespace usher::discord {
namespace {

constexpr std::size_t kUnitsBeforeFile = 1500;
constexpr std::size_t kMaxNonce = 25;

}  // namespace

Answer answer_of(const channel::Outgoing& message, LongReply long_reply) {
  Answer answer;
  answer.chat = message.chat;
  answer.interaction = interaction_address(message.reply_to);
  if (message.is_group && is_snowflake(message.reply_to)) answer.reply_to = message.reply_to;
  answer.idempotency = message.idempotency;
  answer.whole = message.text;
  std::vector<std::string> texts = split(message.text);
  const bool is_private = answer.interaction && answer.interaction->is_ephemeral;
  if (texts.size() > 1 && (long_reply == LongReply::file || is_private)) {
    answer.parts.push_back({split(message.text, kUnitsBeforeFile).front(), {}, message.text});
  } else {
    for (std::string& text : texts) answer.parts.push_back({std::move(text), {}, ""});
  }
  if (!answer.parts.empty()) answer.parts.back().choices = message.choices;
  return answer;
}

Beginning beginning_of(std::string_view text, LongReply long_reply) {
  std::vector<std::string> texts = split(text);
  if (texts.empty()) return {};
  if (texts.size() == 1) return {std::move(texts.front()), false};
  if (long_reply == LongReply::file) texts = split(text, kUnitsBeforeFile);
  return {std::move(texts.front()), true};
}

std::string nonce_of(const std::string& idempotency, std::size_t part, bool is_second) {
  if (idempotency.empty()) return "";
  const std::string nonce = idempotency + "-" + std::to_string(part) + (is_second ? "r" : "");
  return nonce.size() <= kMaxNonce ? nonce : "";
}

}  // namespace usher::discord
