// When a call may go: Discord's rate limits as its answers teach them. A bucket is shared by the routes that Discord
// says share it, apart for each channel, guild and webhook; until a route's bucket is known its calls go one at a time.
// Besides there is the limit of 50 calls a second for the whole bot. Pure: time is passed in. One thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace usher::discord {

using RestTime = std::chrono::steady_clock::time_point;

// What an answer's headers and, for a 429, its body say of limits. Times are clamped to an hour by who reads them.
struct RateLimits {
  std::string bucket;  // "" = the answer names none
  int limit = 0;
  int remaining = 0;
  std::chrono::milliseconds reset_after{0};
};
struct TooMany {
  enum class Scope { user, shared, global };
  Scope scope = Scope::user;
  std::chrono::milliseconds retry_after{0};
};

// "POST /channels/1/messages" and the like: method and route with its major parameter.
std::string bucket_route(std::string_view method, std::string_view route);

class Buckets {
 public:
  struct Bucket;
  // One call's place in its bucket; given back with leave() or give_back().
  using Place = std::shared_ptr<Bucket>;

  // When a call may go: a time that has passed = at once, a later one = not before, RestTime::max() = when a call that
  // is under way has come back.
  RestTime may_go(const std::string& route, bool counts_globally, RestTime now) const;
  // Only where may_go() allows it.
  Place enter(const std::string& route, bool counts_globally, RestTime now);

  // An answer came. `limits` is absent where its headers say nothing.
  void leave(const Place& place, const std::string& route, const std::optional<RateLimits>& limits, RestTime now);
  // As leave(), for a call without an answer: it may have counted all the same.
  void give_back(const Place& place);
  // A 429 came.
  void pause(const std::string& route, const TooMany& told, RestTime now);

  // Routes known, and names of buckets; bounded.
  std::size_t size() const { return routes_.size(); }
  std::size_t names() const { return shared_.size(); }

 private:
  Place find_or_make(const std::string& route, RestTime now);
  void make_room(RestTime now);
  void drop_unused_names();

  std::unordered_map<std::string, Place> routes_;
  std::unordered_map<std::string, std::weak_ptr<Bucket>> shared_;  // by Discord's bucket and major parameter
  std::deque<RestTime> last_second_;                               // of the calls that count globally
  RestTime all_paused_{};
};

}  // namespace usher::discord
