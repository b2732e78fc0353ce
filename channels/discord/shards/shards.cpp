#include "channels/discord/shards/shards.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <utility>

#include "base/hash.h"
#include "base/stopping.h"

namespace usher::discord {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A resumed session goes on with the intents that it was begun with, and names no guild anew.
std::string terms_of(const DiscordOptions& options) {
  std::string intents = std::to_string(options.intents);
  std::vector<std::string_view> parts(options.roles.begin(), options.roles.end());
  parts.push_back(intents);
  return to_hex(sha256_parts(parts));
}

// Until somebody cancels the timer.
Task<void> cancelled(asio::steady_timer& timer) {
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

Task<Result<void>> pause_for(milliseconds pause) {
  co_await sleep_for(pause);
  co_return Result<void>{};
}

}  // namespace

Shards::Shards(Rest& rest, net::WebSocketConnector& sockets, channel::Bookmark& bookmark, const DiscordOptions& options)
    : rest_(rest),
      sockets_(sockets),
      bookmark_(bookmark),
      options_(options),
      allows_plain_(options.api_root.starts_with("http://")),
      trouble_(options.first_backoff, options.max_backoff) {}

Shards::~Shards() = default;

Task<void> Shards::run(ShardsCallbacks callbacks) {
  callbacks_ = std::move(callbacks);
  executor_ = co_await asio::this_coro::executor;
  stopping_.emplace(*executor_, asio::steady_timer::time_point::max());
  ended_.emplace(*executor_, asio::steady_timer::time_point::max());
  try {
    const std::optional<GatewayInfo> info = co_await ask();
    if (info) make_shards(*info);
    for (const std::unique_ptr<Shard>& shard : shards_) children_.spawn(*executor_, run_one(*shard));
    running_ = shards_.size();
    if (!is_stopped_) co_await cancelled(*stopping_);
  } catch (const std::exception& error) {
    spdlog::debug("{}: {}", options_.name, error.what());  // cancelled
  }
  co_await asio::this_coro::reset_cancellation_state();
  stop_shards();
  // Each of them ends soon by itself, having closed its socket.
  while (running_ > 0) co_await cancelled(*ended_);
  co_await children_.join();
  has_ended_ = true;
  if (has_moved_) keep();
}

void Shards::stop() {
  is_stopped_ = true;
  if (stopping_) stopping_->cancel();
}

std::string Shards::health() const {
  if (!trouble_.text().empty()) return trouble_.text();
  std::size_t troubled = 0;
  std::string first;
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    const std::string health = shards_[i]->health();
    if (health.empty() || troubled++ > 0) continue;
    first = shards_.size() == 1 ? health : health + " (shard " + std::to_string(i) + ")";
  }
  return troubled > 1 ? first + " and " + std::to_string(troubled - 1) + " more" : first;
}

Task<std::optional<GatewayInfo>> Shards::ask() {
  while (!is_stopped_) {
    Result<GatewayInfo> info = co_await ask_once();
    if (is_stopped_) co_return std::nullopt;
    if (info) {
      if (trouble_.clear()) spdlog::info("{}: Discord answers again", options_.name);
      co_return std::move(*info);
    }
    const milliseconds pause = std::max(trouble_.next_wait(), info.error().retry_after.value_or(milliseconds(0)));
    if (trouble_.note(info.error().message))
      spdlog::warn("{}: {}; next try in {} ms", options_.name, info.error().message, pause.count());
    co_await unless_stopped(pause_for(pause), *stopping_);
  }
  co_return std::nullopt;
}

Task<Result<GatewayInfo>> Shards::ask_once() {
  RestCall call{.target = "/gateway/bot", .route = "/gateway/bot", .is_repeatable = true};
  Result<RestResult> answer =
      co_await unless_stopped(rest_.call(std::move(call), Deadline::in(options_.call_timeout)), *stopping_);
  if (!answer) co_return fail(std::move(answer.error()));
  if (!*answer) co_return fail(to_error(answer->error(), "GET /gateway/bot"));
  co_return decode_gateway(**answer, allows_plain_);
}

// What an earlier process kept, where it still fits. Whether the sessions live is for Discord to say.
std::optional<Places> Shards::bookmarked(int count) const {
  const std::string text = bookmark_.read();
  if (text.empty()) return std::nullopt;
  std::optional<Places> places = decode_places(text, allows_plain_);
  if (places && places->count == count && places->terms == terms_of(options_)) return places;
  spdlog::warn(
      "{}: {}; new sessions begin, and what was written since usher last ran is not seen", options_.name,
      places ? "intents, shards or the roles that have a meaning were others then" : "the bookmark cannot be read");
  return std::nullopt;
}

Standing Shards::previews_left() const {
  std::optional<Places> places = decode_places(bookmark_.read(), allows_plain_);
  return places ? std::move(places->previews) : Standing();
}

void Shards::make_shards(const GatewayInfo& info) {
  const int wanted = options_.shards > 0 ? options_.shards : info.shards;
  const int count = std::clamp(wanted, 1, kMaxShards);
  if (count < wanted) spdlog::warn("{}: {} shards are too many for one process", options_.name, wanted);
  std::optional<Places> places = bookmarked(count);
  if (places) {
    bookmarked_ = places->identity;
    callbacks_.recall_guilds(places->guilds);
  }
  limit_.emplace(info, steady_clock::now(), options_.identify_interval);
  const ShardCallbacks callbacks{callbacks_.wants, callbacks_.sink, [this](bool is_start) { moved(is_start); },
                                 [this] { stop_shards(); }};
  for (int id = 0; id < count; ++id) {
    SessionOptions session{.token = options_.token,
                           .intents = options_.intents,
                           .shard = id,
                           .shards = count,
                           .gateway_url = info.url,
                           .allows_plain = allows_plain_,
                           .first_backoff = options_.first_backoff,
                           .max_backoff = options_.max_backoff,
                           .invalid_wait = options_.identify_interval / 5,
                           .random = [this] { return std::uniform_real_distribution<double>(0, 1)(random_); }};
    std::optional<Place> place;
    if (places && places->shards.contains(id)) place = std::move(places->shards[id]);
    const std::string label = count == 1 ? options_.name : options_.name + " shard " + std::to_string(id);
    shards_.push_back(
        std::make_unique<Shard>(*executor_, label, sockets_, *limit_, std::move(session), std::move(place), callbacks));
  }
}

Task<void> Shards::run_one(Shard& shard) {
  try {
    co_await shard.run();
  } catch (const std::exception& error) {
    spdlog::error("{}: a shard ended with an internal error: {}", options_.name, error.what());
  }
  --running_;
  ended_->cancel();
}

const std::optional<Identity>& Shards::identity() const {
  const auto known = std::ranges::find_if(shards_, [](const auto& shard) { return shard->identity().has_value(); });
  return known == shards_.end() ? bookmarked_ : (*known)->identity();
}

// A crash before a session's first place is on disk loses the session. One after it makes Discord repeat some events,
// which the inbox knows: that is cheaper than a commit for every message, most of which are for others.
void Shards::moved(bool is_start) {
  has_moved_ = true;
  if (is_start || has_ended_) return keep();
  if (executor_ && !std::exchange(is_keeping_later_, true)) children_.spawn(*executor_, keep_later());
}

Task<void> Shards::keep_later() {
  co_await sleep_for(options_.place_interval);
  is_keeping_later_ = false;
  if (has_moved_) keep();
}

// One text for all shards.
void Shards::keep() {
  if (!identity()) return;
  has_moved_ = false;
  Places places{static_cast<int>(shards_.size()),
                terms_of(options_),
                *identity(),
                callbacks_.learned_guilds(),
                {},
                callbacks_.previews()};
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    if (const std::optional<Place>& place = shards_[i]->kept()) places.shards.emplace(static_cast<int>(i), *place);
  }
  bookmark_.keep(encode_places(places));
}

void Shards::stop_shards() {
  for (const std::unique_ptr<Shard>& shard : shards_) shard->stop();
}

}  // namespace usher::discord
