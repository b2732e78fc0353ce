#include "channels/discord/interactions/interactions.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <utility>
#include <vector>

#include "base/children.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/signature.h"
#include "base/text.h"
#include "channels/discord/interactions/commands.h"
#include "channels/discord/interactions/decode.h"
#include "channels/discord/outbound/payload.h"

namespace usher::discord {
namespace {

constexpr std::chrono::milliseconds kHardDeadline{2'500};  // Discord gives up after 3 s
constexpr std::chrono::seconds kCallTimeout{10};
constexpr std::chrono::seconds kLastWords{3};       // later Discord takes none
constexpr std::chrono::minutes kTimestampSlack{5};  // older ones are replays; clocks differ by less
constexpr std::size_t kMaxBody = 256u << 10;        // an interaction has some kilobytes
constexpr std::size_t kMaxRunning = 256;            // acknowledgements at once
constexpr int kEphemeralFlag = 64;
constexpr int kPong = 1, kMessage = 4, kDeferred = 5, kChoices = 8;  // types of answers
constexpr int kUnknownInteraction = 10062, kAlreadyAcknowledged = 40060;

constexpr std::string_view kTryAgain = "I cannot take this in at the moment. Please try again in a little while.";

// An offer to the intake: what came of it, and who waits for it.
struct Offer {
  explicit Offer(const asio::any_io_executor& loop) : done(loop, kHardDeadline) {}
  std::optional<bool> is_taken;  // once the intake has said so
  asio::steady_timer done;       // cancelled with the result; expires when it may not be waited for any longer
  bool was_announced = false;    // that an answer will come
};

json::object message(std::string_view content) {
  return {{"type", kMessage},
          {"data",
           {{"content", content},
            {"flags", kEphemeralFlag},
            {"allowed_mentions", {{"parse", json::array()}, {"replied_user", false}}}}}};
}

// How an interaction is acknowledged that was offered to the intake.
json::object announcement(const Interaction& interaction) {
  json::object out{{"type", kDeferred}};
  if (interaction.address.is_ephemeral) out["data"] = {{"flags", kEphemeralFlag}};
  return out;
}

// How one is answered that is not for the intake; for a ping, who is there.
json::object immediate_answer(const Interaction& interaction) {
  if (interaction.kind == Interaction::Kind::refused) return message(interaction.refusal);
  if (interaction.kind == Interaction::Kind::ping) return {{"type", kPong}};
  return {{"type", kChoices}, {"data", {{"choices", json::array()}}}};
}

RestCall callback(const Interaction& interaction, const json::object& answer) {
  RestCall call;
  call.method = "POST";
  call.target = fmt::format("/interactions/{}/{}/callback", interaction.id, interaction.address.token);
  call.route = fmt::format("/interactions/{}/callback", interaction.id);
  call.body = json::serialize(answer);
  call.is_interaction = true;
  call.is_repeatable = true;  // the second one is refused
  return call;
}

bool is_recent(std::string_view timestamp) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(timestamp.data(), timestamp.data() + timestamp.size(), seconds);
  if (error != std::errc() || end != timestamp.data() + timestamp.size() || seconds < 0) return false;
  const auto now = std::chrono::floor<std::chrono::seconds>(SystemClock().wall()).time_since_epoch();
  const std::int64_t age = now.count() - std::min<std::int64_t>(seconds, 1ll << 40);
  return std::abs(age) <= std::chrono::seconds(kTimestampSlack).count();
}

// 64 bytes from 128 hex digits; "" for anything else.
std::string signature_from_hex(std::string_view hex) {
  if (hex.size() != 128) return "";
  const std::optional<Digest> first = digest_from_hex(hex.substr(0, 64)), second = digest_from_hex(hex.substr(64));
  if (!first || !second) return "";
  return std::string(first->begin(), first->end()) + std::string(second->begin(), second->end());
}

bool is_genuine(const HttpInteraction& interaction, const std::string& public_key) {
  const std::optional<Digest> key = digest_from_hex(lower_ascii(public_key));
  const std::string signature = signature_from_hex(lower_ascii(interaction.signature));
  if (!key || signature.empty() || interaction.timestamp.size() > 20) return false;
  return is_signed_by(PublicKey(*key), interaction.timestamp + interaction.body, signature) &&
         is_recent(interaction.timestamp);
}

}  // namespace

struct Interactions::State {
  State(Rest& calls, const DiscordOptions& from) : rest(calls), options(from) {}

  static Task<Result<void>> take(std::shared_ptr<State> self, std::optional<Interaction> interaction,
                                 channel::Intake intake);
  static Task<HttpInteractionAnswer> take(std::shared_ptr<State> self, HttpInteraction interaction,
                                          channel::Intake intake);
  static Task<void> offer(std::shared_ptr<State> self, Interaction interaction, channel::Intake intake,
                          std::shared_ptr<Offer> offer);
  static Task<void> acknowledge(std::shared_ptr<State> self, Interaction interaction, std::shared_ptr<Offer> offer);
  static Task<void> respond(std::shared_ptr<State> self, Interaction interaction, json::object answer);
  static Task<void> take_back(std::shared_ptr<State> self, InteractionAddress address);
  static Task<Result<void>> register_commands(std::shared_ptr<State> self, std::string application_id,
                                              Deadline deadline);
  static Task<void> stop(std::shared_ptr<State> self);

  Rest& rest;
  DiscordOptions options;
  Children children;
};

// ---- over the gateway -----------------------------------------------------------------------------------------------

Task<Result<void>> Interactions::State::take(std::shared_ptr<State> self, std::optional<Interaction> interaction,
                                             channel::Intake intake) {
  if (!interaction || interaction->kind == Interaction::Kind::ping) co_return Result<void>{};
  if (self->children.running() >= kMaxRunning) co_return fail(ErrorKind::limit, "too many interactions at once");
  const asio::any_io_executor loop = co_await asio::this_coro::executor;
  if (interaction->kind != Interaction::Kind::said) {
    json::object answer = immediate_answer(*interaction);
    self->children.spawn(loop, respond(self, std::move(*interaction), std::move(answer)));
    co_return Result<void>{};
  }
  const auto offered = std::make_shared<Offer>(loop);
  self->children.spawn(loop, acknowledge(self, *interaction, offered));
  std::vector<channel::Incoming> batch{interaction->incoming};
  const Result<channel::TakenIn> taken = co_await intake(std::move(batch));
  offered->is_taken = taken.has_value();
  offered->done.cancel();
  if (!taken) co_return fail(taken.error());
  co_return Result<void>{};
}

// Once the intake has said what becomes of it, or when Discord waits no longer.
Task<void> Interactions::State::acknowledge(std::shared_ptr<State> self, Interaction interaction,
                                            std::shared_ptr<Offer> offer) {
  boost::system::error_code woken;
  if (!offer->is_taken) co_await offer->done.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  const bool has_failed = offer->is_taken == false;
  json::object answer = has_failed ? message(kTryAgain) : announcement(interaction);
  co_await respond(self, std::move(interaction), std::move(answer));
}

Task<void> Interactions::State::respond(std::shared_ptr<State> self, Interaction interaction, json::object answer) {
  Result<RestResult> done = co_await self->rest.call(callback(interaction, answer), Deadline::in(kHardDeadline));
  if (!done) {
    spdlog::warn("{}: an interaction was not acknowledged: {}", self->options.name, done.error().message);
  } else if (!*done) {
    const RestError& error = done->error();
    // It was late, or is here for the second time: the answer finds another way, or has found it.
    const bool is_harmless = error.code == kUnknownInteraction || error.code == kAlreadyAcknowledged;
    const Error plain = to_error(error, "the acknowledgement of an interaction");
    if (!is_harmless) spdlog::warn("{}: {}", self->options.name, plain.message);
  }
}

// ---- over HTTP ------------------------------------------------------------------------------------------------------

Task<HttpInteractionAnswer> Interactions::State::take(std::shared_ptr<State> self, HttpInteraction request,
                                                      channel::Intake intake) {
  if (request.body.size() > kMaxBody) co_return HttpInteractionAnswer{413, ""};
  if (!is_genuine(request, self->options.public_key)) co_return HttpInteractionAnswer{401, ""};
  const Result<json::value> event = parse_json(request.body, kMaxBody);
  std::string problem;
  std::optional<Interaction> interaction =
      event ? decode_interaction(*event, self->options, problem) : std::optional<Interaction>();
  if (!interaction) {
    spdlog::warn("{}: skipped {}", self->options.name, event ? problem : "an interaction that is no JSON");
    co_return HttpInteractionAnswer{400, ""};
  }
  if (interaction->kind != Interaction::Kind::said) {
    co_return HttpInteractionAnswer{200, json::serialize(immediate_answer(*interaction))};
  }
  if (self->children.running() >= kMaxRunning) {
    co_return HttpInteractionAnswer{200, json::serialize(message(kTryAgain))};
  }
  const asio::any_io_executor loop = co_await asio::this_coro::executor;
  const auto offered = std::make_shared<Offer>(loop);
  self->children.spawn(loop, offer(self, *interaction, std::move(intake), offered));
  boost::system::error_code woken;
  co_await offered->done.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  const bool has_failed = offered->is_taken == false;
  offered->was_announced = !has_failed;
  co_return HttpInteractionAnswer{200, json::serialize(has_failed ? message(kTryAgain) : announcement(*interaction))};
}

// Goes on when the HTTP answer could wait no longer: Discord sends nothing twice.
Task<void> Interactions::State::offer(std::shared_ptr<State> self, Interaction interaction, channel::Intake intake,
                                      std::shared_ptr<Offer> offer) {
  std::vector<channel::Incoming> batch{interaction.incoming};
  const Result<channel::TakenIn> taken = co_await intake(std::move(batch));
  offer->is_taken = taken.has_value();
  offer->done.cancel();
  if (!taken && offer->was_announced) co_await take_back(self, interaction.address);
}

Task<void> Interactions::State::take_back(std::shared_ptr<State> self, InteractionAddress address) {
  RestCall call = edit_response(address, Said{std::string(kTryAgain), {}, ""});
  const Result<RestResult> done = co_await self->rest.call(std::move(call), Deadline::in(kCallTimeout));
  if (!done || !*done) spdlog::warn("{}: an interaction was lost, and its sender not told", self->options.name);
}

// ---- registration ---------------------------------------------------------------------------------------------------

Task<Result<void>> Interactions::State::register_commands(std::shared_ptr<State> self, std::string application_id,
                                                          Deadline deadline) {
  RestCall get;
  get.target = get.route = fmt::format("/applications/{}/commands", application_id);
  get.is_repeatable = true;
  RestCall put = get;
  Result<RestResult> registered = co_await self->rest.call(std::move(get), deadline);
  if (!registered) co_return fail(std::move(registered.error()));
  if (!*registered) co_return fail(to_error(registered->error(), "what commands are registered"));
  if (are_registered(**registered)) co_return Result<void>{};
  put.method = "PUT";
  put.body = json::serialize(command_definitions());
  Result<RestResult> done = co_await self->rest.call(std::move(put), deadline);
  if (!done) co_return fail(std::move(done.error()));
  if (!*done) co_return fail(to_error(done->error(), "the registration of commands"));
  spdlog::info("{}: the slash commands are registered", self->options.name);
  co_return Result<void>{};
}

Interactions::Interactions(Rest& rest, const DiscordOptions& options)
    : state_(std::make_shared<State>(rest, options)) {}
Interactions::~Interactions() = default;

Task<Result<void>> Interactions::take(const json::value& event, const channel::Intake& intake) {
  std::string problem;
  std::optional<Interaction> interaction = decode_interaction(event, state_->options, problem);
  if (!interaction) spdlog::warn("{}: skipped {}", state_->options.name, problem);
  return State::take(state_, std::move(interaction), intake);
}

Task<HttpInteractionAnswer> Interactions::take(HttpInteraction interaction, const channel::Intake& intake) {
  return State::take(state_, std::move(interaction), intake);
}

Task<Result<void>> Interactions::register_commands(const std::string& application_id, Deadline deadline) {
  return State::register_commands(state_, application_id, deadline);
}

Task<void> Interactions::State::stop(std::shared_ptr<State> self) {
  co_await self->children.wait(Deadline::in(kLastWords));
  co_await self->children.join();
}

Task<void> Interactions::stop() { return State::stop(state_); }

}  // namespace usher::discord
