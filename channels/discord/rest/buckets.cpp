#include "channels/discord/rest/buckets.h"

#include <algorithm>
#include <array>
#include <utility>

namespace usher::discord {
namespace {

constexpr std::size_t kMaxRoutes = 4096;
constexpr std::size_t kRoutesAfterClearing = kMaxRoutes * 3 / 4;  // so that it is seldom done
constexpr std::size_t kPerSecond = 50;
constexpr std::chrono::seconds kSecond{1};

// Where a reset comes so much later than the one told before, a new window has begun.
constexpr std::chrono::milliseconds kJitter{500};

// The id in "/channels/<id>…" and so on: limits are apart for each.
std::string_view major_parameter(std::string_view route) {
  constexpr std::array<std::string_view, 4> kinds = {"/channels/", "/guilds/", "/webhooks/", "/interactions/"};
  for (std::string_view kind : kinds) {
    const std::size_t at = route.find(kind);
    if (at == std::string_view::npos) continue;
    const std::string_view rest = route.substr(at + kind.size());
    return rest.substr(0, rest.find('/'));
  }
  return {};
}

}  // namespace

struct Buckets::Bucket {
  std::string name;  // Discord's, with the major parameter; "" = not known yet
  int limit = 1;
  int remaining = 1;  // as last told; the calls under way are not yet taken from it
  int under_way = 0;
  RestTime resets_at = RestTime::min();
  RestTime paused_until = RestTime::min();

  // Whether nothing would be forgotten with it.
  bool is_idle(RestTime now) const { return under_way == 0 && resets_at <= now && paused_until <= now; }
  int left(RestTime now) const { return (resets_at <= now ? limit : remaining) - under_way; }
  RestTime may_go(RestTime now) const {
    if (paused_until > now) return paused_until;
    if (left(now) > 0) return now;
    // With calls under way the reset frees `limit` places, of which they may take all.
    return resets_at > now && under_way < limit ? resets_at : RestTime::max();
  }
};

std::string bucket_route(std::string_view method, std::string_view route) {
  std::string out;
  out.reserve(method.size() + 1 + route.size());
  out.append(method).append(" ").append(route);
  return out;
}

RestTime Buckets::may_go(const std::string& route, bool counts_globally, RestTime now) const {
  RestTime when = now;
  if (counts_globally) {
    when = std::max(when, all_paused_);
    if (last_second_.size() >= kPerSecond) when = std::max(when, last_second_.front() + kSecond);
  }
  const auto known = routes_.find(route);
  return known == routes_.end() ? when : std::max(when, known->second->may_go(now));
}

Buckets::Place Buckets::enter(const std::string& route, bool counts_globally, RestTime now) {
  if (counts_globally) {
    if (last_second_.size() >= kPerSecond) last_second_.pop_front();
    last_second_.push_back(now);
  }
  Place place = find_or_make(route, now);
  if (place->resets_at <= now) place->remaining = place->limit;
  ++place->under_way;
  return place;
}

Buckets::Place Buckets::find_or_make(const std::string& route, RestTime now) {
  const auto known = routes_.find(route);
  if (known != routes_.end()) return known->second;
  if (routes_.size() >= kMaxRoutes) make_room(now);
  return routes_.emplace(route, std::make_shared<Bucket>()).first->second;
}

// What is idle is learned again by one call. When nothing is, some are forgotten that have no call under way: a 429 may
// come of it, and is waited out.
void Buckets::make_room(RestTime now) {
  std::erase_if(routes_, [&](const auto& entry) { return entry.second->is_idle(now); });
  for (auto it = routes_.begin(); it != routes_.end() && routes_.size() > kRoutesAfterClearing;) {
    it = it->second->under_way == 0 ? routes_.erase(it) : std::next(it);
  }
  drop_unused_names();
}

void Buckets::drop_unused_names() {
  std::erase_if(shared_, [](const auto& entry) { return entry.second.expired(); });
}

void Buckets::leave(const Place& place, const std::string& route, const std::optional<RateLimits>& limits,
                    RestTime now) {
  if (!limits || limits->bucket.empty()) return give_back(place);
  --place->under_way;
  const std::string name = limits->bucket + "/" + std::string(major_parameter(route));
  Place bucket = place;
  if (place->name != name) {
    // Discord may call a bucket something else each time.
    if (shared_.size() >= 2 * kMaxRoutes) drop_unused_names();
    std::weak_ptr<Bucket>& shared = shared_[name];
    bucket = shared.lock();
    if (!bucket) shared = bucket = std::make_shared<Bucket>();
    bucket->name = name;
    const auto known = routes_.find(route);
    if (known != routes_.end()) known->second = bucket;
  }
  const RestTime resets_at = now + limits->reset_after;
  // Answers may overtake each other: within one window the lower count is the later one.
  const bool is_same_window = bucket->resets_at > now && resets_at <= bucket->resets_at + kJitter;
  bucket->remaining = is_same_window ? std::min(bucket->remaining, limits->remaining) : limits->remaining;
  bucket->limit = std::max(limits->limit, 1);
  bucket->resets_at = is_same_window ? std::max(bucket->resets_at, resets_at) : resets_at;
}

void Buckets::give_back(const Place& place) {
  --place->under_way;
  if (place->remaining > 0) --place->remaining;
}

void Buckets::pause(const std::string& route, const TooMany& told, RestTime now) {
  const RestTime until = now + told.retry_after;
  if (told.scope == TooMany::Scope::global) {
    all_paused_ = std::max(all_paused_, until);
  } else {
    const Place bucket = find_or_make(route, now);
    bucket->paused_until = std::max(bucket->paused_until, until);
  }
}

}  // namespace usher::discord
