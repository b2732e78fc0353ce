#include "channels/discord/threads/threads.h"

#include <fmt/format.h>

#include <unordered_map>
#include <utility>

#include "channels/discord/events/snowflake.h"

namespace usher::discord {
namespace {

constexpr std::size_t kMaxKnown = 4096;
constexpr std::int64_t kFirstThread = 10, kLastThread = 12;  // types of channels: announcement, public and private

// nullopt for an answer about something else, or a thread of nothing.
std::optional<std::string> parent_in(const json::value& channel, const std::string& chat) {
  const std::optional<std::int64_t> type = integer_at(&channel, "type");
  if (!type || string_at(&channel, "id") != chat) return std::nullopt;
  if (*type < kFirstThread || *type > kLastThread) return "";
  const std::string_view parent = string_at(&channel, "parent_id").value_or("");
  return is_snowflake(parent) ? std::optional<std::string>(parent) : std::nullopt;
}

}  // namespace

struct Threads::State {
  explicit State(Rest& calls) : rest(calls) {}
  static Task<Result<std::string>> parent_of(std::shared_ptr<State> self, std::string chat, Deadline deadline);

  Rest& rest;
  std::unordered_map<std::string, std::string> known;  // parents by chat
};

Task<Result<std::string>> Threads::State::parent_of(std::shared_ptr<State> self, std::string chat, Deadline deadline) {
  if (!is_snowflake(chat)) co_return fail(ErrorKind::invalid, "the chat is no Discord channel");
  const auto known = self->known.find(chat);
  if (known != self->known.end()) co_return known->second;
  RestCall call;
  call.target = call.route = fmt::format("/channels/{}", chat);
  call.is_repeatable = true;
  Result<RestResult> answer = co_await self->rest.call(std::move(call), deadline);
  if (!answer) co_return fail(std::move(answer.error()));
  if (!*answer) co_return fail(to_error(answer->error(), "what channel " + chat + " is"));
  std::optional<std::string> parent = parent_in(**answer, chat);
  if (!parent) co_return fail(ErrorKind::protocol, "Discord does not say what channel " + chat + " is");
  if (self->known.size() >= kMaxKnown) self->known.erase(self->known.begin());
  self->known[chat] = *parent;
  co_return std::move(*parent);
}

Threads::Threads(Rest& rest) : state_(std::make_shared<State>(rest)) {}
Threads::~Threads() = default;

Task<Result<std::string>> Threads::parent_of(const std::string& chat, Deadline deadline) {
  return State::parent_of(state_, chat, deadline);
}

}  // namespace usher::discord
