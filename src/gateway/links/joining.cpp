#include "gateway/links/joining.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "gateway/commands.h"

namespace usher::gateway {
namespace {

constexpr int kMaxWrongCodes = 5;
constexpr std::chrono::minutes kForgetWrongCodes{10};
constexpr std::size_t kMaxGuessers = 4096;

constexpr const char* kIssue = "identity:issue:code";
constexpr const char* kJoin = "identity:join:sender";
constexpr const char* kSeparate = "identity:separate:sender";

// What follows the command, word by word; at most as many as matter.
std::vector<std::string> arguments_of(std::string_view words) {
  constexpr std::size_t kMost = 3;
  std::vector<std::string> found;
  std::size_t at = words.find_first_of(" \t\n");
  while (at != std::string_view::npos && found.size() < kMost) {
    const std::size_t begin = words.find_first_not_of(" \t\n", at);
    if (begin == std::string_view::npos) break;
    at = words.find_first_of(" \t\n", begin);
    found.emplace_back(words.substr(begin, at == std::string_view::npos ? at : at - begin));
  }
  return found;
}

std::string_view refusal_of(const Error& error) {
  if (error.kind == ErrorKind::denied) return "link_already";
  return error.kind == ErrorKind::not_found ? "link_wrong" : "unavailable";
}

}  // namespace

bool Joining::is_command(std::string_view command) { return command == "link" || command == "unlink"; }

bool Joining::is_for_strangers(std::string_view words) {
  return command_of(words) == "link" && !arguments_of(words).empty();
}

Task<std::string> Joining::answer(Request request, Texts texts) {
  const std::vector<std::string> arguments = arguments_of(request.words);
  std::string said;
  if (!request.is_private) {
    if (!arguments.empty()) co_await refuse_among_others(request, arguments[0]);
    co_return texts.say("link_private");
  }
  if (command_of(request.words) == "unlink") {
    said = co_await unlink(request, texts);
    co_return said;
  }
  if (arguments.empty()) {
    said = co_await give_code(request, texts);
  } else {
    const bool is_confirmed = arguments.size() > 1 && lower_ascii(arguments[1]) == "yes";
    said = co_await enter_code(request, texts, arguments[0], is_confirmed);
  }
  co_return said;
}

// Others have read the code, and could be the first to use it.
Task<void> Joining::refuse_among_others(const Request& request, std::string_view code) {
  co_await record(request, audit::Outcome::denied, kJoin, "", "the code was written where others read along");
  Result<void> forgotten = co_await links_.forget(request.sender.tenant, code);
  if (!forgotten) spdlog::error("a code that others have read is still good: {}", forgotten.error().message);
}

Task<std::string> Joining::give_code(const Request& request, const Texts& texts) {
  const Sender keeper = roles_.keeper_of(request.sender, links_.joined_to(request.sender));
  Result<void> written = co_await record(request, audit::Outcome::allowed, kIssue, to_string(keeper), "");
  if (!written) co_return texts.say("unavailable");
  Result<std::string> code = co_await links_.issue_code(keeper);
  if (!code) {
    spdlog::error("no code for {}: {}", to_string(request.sender), code.error().message);
    co_return texts.say("unavailable");
  }
  co_return texts.say("link_code", {{"code", *code}, {"time", in_words(kLinkCodeLifetime)}});
}

Task<std::string> Joining::enter_code(const Request& request, const Texts& texts, std::string_view code,
                                      bool is_confirmed) {
  const std::string_view hindered = hindrance(request.sender);
  if (!hindered.empty()) co_return texts.say(hindered);
  if (has_guessed_too_often(request.sender)) co_return texts.say("link_wait");
  Result<std::optional<Sender>> issuer = co_await links_.issuer_of(request.sender.tenant, code);
  if (!issuer) co_return texts.say("unavailable");
  if (!*issuer || **issuer == request.sender) {
    note_wrong_guess(request.sender);
    co_await record(request, audit::Outcome::denied, kJoin, "", "no such code, or it has run out");
    co_return texts.say("link_wrong");
  }
  const std::string other = to_string(**issuer);
  if (!is_confirmed) co_return texts.say("link_confirm", {{"other", other}, {"code", code}});
  Result<void> written = co_await record(request, audit::Outcome::allowed, kJoin, other, "");
  if (!written) co_return texts.say("unavailable");
  Result<void> joined = co_await links_.join(request.sender, code);
  if (!joined) co_return texts.say(refusal_of(joined.error()));
  spdlog::info("{} has joined {}", to_string(request.sender), other);
  co_return texts.say("linked", {{"other", other}});
}

Task<std::string> Joining::unlink(const Request& request, const Texts& texts) {
  const config::Identity* identity = roles_.identity_of(request.sender);
  const std::vector<Sender> own = identity ? identity->senders : std::vector{request.sender};
  const bool has_joined = std::ranges::any_of(
      own, [&](const Sender& one) { return links_.joined_to(one) || !links_.joined_by(one).empty(); });
  // What the operator has joined stays so; who came by a code does not.
  if (!has_joined) co_return texts.say(identity ? "link_operator" : "not_linked");
  Result<void> written = co_await record(request, audit::Outcome::allowed, kSeparate, to_string(request.sender), "");
  if (!written) co_return texts.say("unavailable");
  for (const Sender& one : own) {
    Result<void> separated = co_await links_.separate(one);
    if (!separated) co_return texts.say("unavailable");
  }
  co_return texts.say(identity ? "unlinked_others" : "unlinked");
}

std::string_view Joining::hindrance(const Sender& sender) const {
  if (roles_.identity_of(sender)) return "link_operator";
  // A chain of joined accounts would give the first one's memory to the last.
  if (links_.joined_to(sender) || !links_.joined_by(sender).empty()) return "link_already";
  return "";
}

Task<Result<void>> Joining::record(const Request& request, audit::Outcome outcome, const char* action,
                                   std::string resource, std::string detail) {
  Result<void> written = co_await ledger_.append({.kind = audit::Kind::resolution,
                                                  .outcome = outcome,
                                                  .tenant = request.sender.tenant,
                                                  .who = to_string(request.sender),
                                                  .source = request.source,
                                                  .action = action,
                                                  .resource = std::move(resource),
                                                  .rule = "one-time code",
                                                  .detail = std::move(detail)});
  if (!written) spdlog::error("the ledger cannot be written: {}", written.error().message);
  co_return written;
}

bool Joining::has_guessed_too_often(const Sender& sender) {
  std::erase_if(guesses_,
                [&](const auto& entry) { return clock_.monotonic() - entry.second.since >= kForgetWrongCodes; });
  const auto found = guesses_.find(sender_digest(sender));
  if (found == guesses_.end()) return guesses_.size() >= kMaxGuessers;
  return found->second.wrong >= kMaxWrongCodes;
}

void Joining::note_wrong_guess(const Sender& sender) {
  Guesses& guesses = guesses_[sender_digest(sender)];
  if (guesses.wrong++ == 0) guesses.since = clock_.monotonic();
}

}  // namespace usher::gateway
