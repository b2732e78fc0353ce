#include "channels/discord/gateway/session.h"

#include <algorithm>
#include <utility>

#include "channels/discord/events/snowflake.h"

namespace usher::discord {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kShortestInterval{10}, kLongestInterval{600'000};
// Beats go out even when the other side asks for so many that the minute's messages run short.
constexpr std::size_t kKeptForBeats = 20;
// A connection that lived so long was no failure.
constexpr milliseconds kSteady{10'000};
constexpr int kMaxResumes = 6, kMaxFailures = 3;
// A turn that far off is not waited for on an open connection: Discord would not have it.
constexpr milliseconds kFarTurn{1'800'000};
constexpr std::size_t kMaxSessionId = 64;

milliseconds part_of(milliseconds whole, double share) {
  return milliseconds(static_cast<std::int64_t>(static_cast<double>(whole.count()) * share));
}

}  // namespace

bool is_session_id(std::string_view text) {
  return !text.empty() && text.size() <= kMaxSessionId && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view(".:_-").find(c) != std::string_view::npos;
  });
}

Session::Session(SessionOptions options, StartLimit& limit, std::optional<Place> place, Time now)
    : options_(std::move(options)), limit_(limit), backoff_(options_.first_backoff), place_(std::move(place)) {
  if (place_) {
    if (!is_same_service(place_->resume_url, options_.gateway_url)) place_->resume_url = options_.gateway_url;
    seq_ = place_->seq;
    kept_ = place_;
  }
  make_plan(now, milliseconds(0));
}

void Session::opened(Time now) {
  state_ = State::opened;
  budget_ = SendBudget();
  is_acknowledged_ = true;
  is_held_ = false;
  deadline_ = now + options_.hello_timeout;
}

Reaction Session::take(Time now, const Frame& frame, std::string_view text) {
  if (!has_socket()) return {};
  Reaction out;
  switch (frame.op) {
    case kHello:
      return greet(now, text);
    case kDispatch:
      return dispatch(now, frame, text);
    case kHeartbeat:
      if (budget_.take(now, kKeptForBeats)) out.send.push_back(encode_heartbeat(seq_));
      return out;
    case kHeartbeatAck:
      is_acknowledged_ = true;
      return out;
    case kReconnect:
      // May come before HELLO, and says nothing against the address. Routine, so it is no trouble.
      if (state_ == State::opened) state_ = State::greeted;
      return leave(now, "");
    case kInvalidSession:
      return invalid(now, text);
    default:
      return out;
  }
}

Reaction Session::refuse(Time now, std::string why) { return leave(now, std::move(why)); }

void Session::ended(Time now, std::uint16_t close_code, std::string why) {
  if (state_ == State::given_up) return;
  if (why.empty()) why = explain_close(close_code);
  const AfterClose next = after_close(close_code);
  if (next == AfterClose::give_up) {
    state_ = State::given_up;
    trouble_ = explain_close(close_code);
    return;
  }
  if (next == AfterClose::identify) place_.reset();
  part(now, std::move(why));
}

Reaction Session::pass(Time now) {
  Reaction out;
  if (!has_socket()) return out;
  const bool is_waiting = state_ == State::opened || state_ == State::asked;
  if (is_waiting && !is_held_ && now >= deadline_) {
    return leave(now, state_ == State::opened ? "Discord said nothing after connecting"
                                              : "Discord answered neither identify nor resume");
  }
  if (state_ == State::opened) return out;
  if (now >= beat_at_) {
    if (!is_acknowledged_ && !is_held_) return leave(now, "Discord no longer answers heartbeats");
    beat(out, now);
  }
  if (state_ == State::greeted && now >= turn_) identify(out, now);
  return out;
}

Time Session::wake_at() const {
  switch (state_) {
    case State::apart:
    case State::given_up:
      return Time::max();
    case State::opened:
      return is_held_ ? Time::max() : deadline_;
    case State::greeted:
      return std::min(beat_at_, turn_);
    case State::asked:
      return is_held_ ? beat_at_ : std::min(beat_at_, deadline_);
    case State::live:
      return beat_at_;
  }
  return Time::max();
}

void Session::hold(Time now, bool is_held) {
  // What was not read meanwhile may hold the acknowledgement and the answer.
  if (is_held_ && !is_held) {
    is_acknowledged_ = true;
    deadline_ = now + options_.answer_timeout;
  }
  is_held_ = is_held;
}

bool Session::committed(Mark mark) {
  if (mark.generation != generation_ || !place_) return false;
  Place place = *place_;
  place.seq = mark.seq;
  if (kept_ == place) return false;
  kept_ = std::move(place);
  return true;
}

// ---- what comes -----------------------------------------------------------------------------------------------------

Reaction Session::greet(Time now, std::string_view text) {
  if (state_ != State::opened) return {};
  const Result<json::value> data = read_data(text);
  const std::int64_t interval = data ? integer_at(&*data, "heartbeat_interval").value_or(0) : 0;
  if (interval <= 0) return leave(now, "Discord's greeting names no heartbeat interval");
  interval_ = std::clamp(milliseconds(std::min<std::int64_t>(interval, kLongestInterval.count())), kShortestInterval,
                         kLongestInterval);
  beat_at_ = now + part_of(interval_, options_.random());
  state_ = State::greeted;
  // The main address answers where the one to resume at does not: the session is given up.
  if (is_resume_url_dead()) place_.reset();
  failures_ = 0;
  Reaction out;
  if (!place_) {
    seq_.reset();
    turn_ = limit_.reserve(options_.shard, now);
    if (turn_ - now > kFarTurn) return leave(now, "");
    if (turn_ <= now) identify(out, now);
    return out;
  }
  ++resumes_;
  state_ = State::asked;
  deadline_ = now + options_.answer_timeout;
  send(out, now, encode_resume(options_.token, place_->session_id, seq_.value_or(0)));
  return out;
}

Reaction Session::dispatch(Time now, const Frame& frame, std::string_view text) {
  Reaction out;
  if (state_ != State::asked && state_ != State::live) return out;
  deadline_ = now + options_.answer_timeout;
  if (frame.type == "READY") {
    out = ready(now, text);
    if (out.close) return out;
    seq_ = frame.seq;
  } else if (!place_) {
    return out;  // nothing can come before READY
  }
  if (frame.type == "RESUMED") go_live(now);
  // What is replayed although it had come before is known already.
  const bool is_new = frame.seq && *frame.seq > seq_.value_or(-1);
  if (is_new) seq_ = frame.seq;
  out.delivers = is_new || frame.type == "READY" || frame.type == "RESUMED";
  return out;
}

Reaction Session::ready(Time now, std::string_view text) {
  const Result<json::value> data = read_data(text);
  const json::value* event = data ? &*data : nullptr;
  const std::string id(string_at(event, "session_id").value_or(""));
  const std::string_view url = string_at(event, "resume_gateway_url").value_or("");
  Identity identity{std::string(string_at(member(event, "user"), "id").value_or("")),
                    std::string(string_at(member(event, "application"), "id").value_or(""))};
  const bool is_sound = is_session_id(id) && is_snowflake(identity.bot_id) && is_snowflake(identity.application_id);
  if (!is_sound) return leave(now, "Discord's READY does not say whose session it is");
  ++generation_;
  const bool is_usable = is_gateway_url(url, options_.allows_plain) && is_same_service(url, options_.gateway_url);
  place_ = Place{id, is_usable ? std::string(url) : options_.gateway_url, 0};
  identity_ = std::move(identity);
  go_live(now);
  return {};
}

Reaction Session::invalid(Time now, std::string_view text) {
  const Result<json::value> data = read_data(text);
  const bool is_resumable = data && data->is_bool() && data->get_bool();
  if (!is_resumable) place_.reset();
  Reaction out = leave(now, is_resumable ? "Discord asked to resume the session" : "Discord has ended the session");
  if (!is_resumable)
    plan_.at = std::max<Time>(plan_.at, now + part_of(options_.invalid_wait, 1 + 4 * options_.random()));
  return out;
}

void Session::go_live(Time now) {
  state_ = State::live;
  live_since_ = now;
  resumes_ = 0;
  trouble_.clear();
}

// ---- what goes ------------------------------------------------------------------------------------------------------

void Session::identify(Reaction& out, Time now) {
  state_ = State::asked;
  deadline_ = now + options_.answer_timeout;
  send(out, now, encode_identify(options_.token, options_.intents, options_.shard, options_.shards));
}

void Session::beat(Reaction& out, Time now) {
  beat_at_ = now + interval_;
  if (!budget_.take(now)) return;
  is_acknowledged_ = false;
  out.send.push_back(encode_heartbeat(seq_));
}

void Session::send(Reaction& out, Time now, std::string text) {
  budget_.take(now);  // the first or second message of its connection
  out.send.push_back(std::move(text));
}

// ---- parting --------------------------------------------------------------------------------------------------------

Reaction Session::leave(Time now, std::string why) {
  part(now, std::move(why));
  Reaction out;
  out.close = kLeaveResumable;
  return out;
}

void Session::part(Time now, std::string why) {
  const bool was_greeted = state_ == State::greeted || state_ == State::asked || state_ == State::live;
  const bool was_steady = state_ == State::live && now - live_since_ >= kSteady;
  if (was_steady) backoff_ = options_.first_backoff;
  // Where the main address fails as well it is the network: the session may well live.
  if (!was_greeted && place_) failures_ = is_resume_url_dead() ? 0 : failures_ + 1;
  if (resumes_ >= kMaxResumes) {
    place_.reset();
    resumes_ = 0;
  }
  state_ = State::apart;
  if (!why.empty()) trouble_ = std::move(why);
  make_plan(now, next_backoff());
}

bool Session::is_resume_url_dead() const {
  return failures_ >= kMaxFailures && place_ && place_->resume_url != options_.gateway_url;
}

void Session::make_plan(Time now, milliseconds at_least) {
  plan_.at = now + at_least;
  const Time blocked_until = place_ ? Time::min() : limit_.blocked_until(now);
  if (blocked_until > plan_.at) {
    plan_.at = blocked_until;
    const auto minutes = std::chrono::ceil<std::chrono::minutes>(blocked_until - now);
    trouble_ = "Discord's daily limit of new sessions is used up; the next may begin in " +
               std::to_string(minutes.count()) + " min";
  }
  plan_.url = with_query(place_ && !is_resume_url_dead() ? place_->resume_url : options_.gateway_url);
}

milliseconds Session::next_backoff() {
  const milliseconds wait = backoff_;
  backoff_ = std::min(options_.max_backoff, backoff_ * 2);
  return part_of(wait, 0.5 + options_.random() / 2);
}

}  // namespace usher::discord
