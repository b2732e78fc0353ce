// One shard's conversation with the gateway, without socket and clock: what happens goes in with the time at which it
// does, what the driver has to do comes out. It outlives any number of sockets; a session of Discord's may live through
// many of them, and be followed by others. Event-loop thread only.
//
//   plan() ─▶ opened() ─▶ take() pass() … ─▶ closed by us (Reaction::close), or ended() ─▶ plan() …
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "channels/discord/gateway/close_codes.h"
#include "channels/discord/gateway/frame.h"
#include "channels/discord/gateway/send_budget.h"
#include "channels/discord/gateway/start_limit.h"

namespace usher::discord {

// Where a session can be taken up again.
struct Place {
  std::string session_id;
  std::string resume_url;
  std::int64_t seq = 0;

  friend bool operator==(const Place&, const Place&) = default;
};

// What Discord may call a session: at most 64 letters, digits and any of ".:_-".
bool is_session_id(std::string_view text);

// Whom READY says the token belongs to.
struct Identity {
  std::string bot_id, application_id;
};

struct SessionOptions {
  Secret token;
  std::uint32_t intents = 0;
  int shard = 0, shards = 1;
  std::string gateway_url;    // where sessions begin
  bool allows_plain = false;  // a resume URL may be ws://
  std::chrono::milliseconds first_backoff{500}, max_backoff{30'000};
  std::chrono::milliseconds hello_timeout{20'000};
  std::chrono::milliseconds answer_timeout{60'000};  // from an identify or resume, or the last event replayed
  std::chrono::milliseconds invalid_wait{1'000};     // after an invalid session one to five times this
  std::function<double()> random;                    // in [0, 1)
};

// Names an event among those of all sessions of this shard.
struct Mark {
  std::uint64_t generation = 0;
  std::int64_t seq = 0;
};

struct Reaction {
  bool delivers = false;               // the event is to be handed on; its mark is mark()
  std::vector<std::string> send;       // in this order
  std::optional<std::uint16_t> close;  // then close the socket with this code, and see plan()
};

struct Plan {
  std::string url;  // with its query
  Time at;
};

class Session {
 public:
  // `limit` is the bot's and must outlive it. `place`: where an earlier process stopped.
  Session(SessionOptions options, StartLimit& limit, std::optional<Place> place, Time now);

  // Where to connect and when, while no socket is there. Not to be asked once fatal() says something.
  const Plan& plan() const { return plan_; }
  void opened(Time now);
  // A message came: its envelope, and the whole text for the few kinds whose data matter here.
  Reaction take(Time now, const Frame& frame, std::string_view text);
  // What came was no event at all.
  Reaction refuse(Time now, std::string why);
  // The socket ended, or could not be opened. The close code is the peer's; 0 = there was none. `why` may be "".
  void ended(Time now, std::uint16_t close_code, std::string why = "");
  // To be called at wake_at(), or earlier: sends what is due.
  Reaction pass(Time now);
  Time wake_at() const;
  // While nothing is read from the socket nobody can tell whether Discord answers.
  void hold(Time now, bool is_held);

  // Of the event that take() has said to deliver.
  Mark mark() const { return {generation_, seq_.value_or(0)}; }
  // That event, and with it all before, is on disk. True when the place to come back to has moved.
  bool committed(Mark mark);
  // Where the next process is to resume; nullopt before anything of the session has been committed.
  const std::optional<Place>& kept() const { return kept_; }

  const std::optional<Identity>& identity() const { return identity_; }
  bool is_live() const { return state_ == State::live; }
  // What keeps it from being live, for operators; "" when it is, or has just begun.
  const std::string& trouble() const { return trouble_; }
  bool is_fatal() const { return state_ == State::given_up; }

 private:
  enum class State { apart, opened, greeted, asked, live, given_up };

  Reaction greet(Time now, std::string_view text);
  Reaction dispatch(Time now, const Frame& frame, std::string_view text);
  Reaction ready(Time now, std::string_view text);
  Reaction invalid(Time now, std::string_view text);
  void identify(Reaction& out, Time now);
  void beat(Reaction& out, Time now);
  void send(Reaction& out, Time now, std::string text);
  void go_live(Time now);
  Reaction leave(Time now, std::string why);
  void part(Time now, std::string why);
  void make_plan(Time now, std::chrono::milliseconds at_least);
  std::chrono::milliseconds next_backoff();
  bool is_resume_url_dead() const;
  bool has_socket() const { return state_ != State::apart && state_ != State::given_up; }

  SessionOptions options_;
  StartLimit& limit_;
  State state_ = State::apart;
  Plan plan_;
  std::string trouble_;
  std::chrono::milliseconds backoff_;

  // The session of Discord's.
  std::optional<Place> place_;       // its seq is not kept up to date: seq_ is
  std::optional<std::int64_t> seq_;  // of the last event that came
  std::optional<Place> kept_;
  std::optional<Identity> identity_;
  std::uint64_t generation_ = 0;
  int resumes_ = 0;   // in a row that came to nothing
  int failures_ = 0;  // in a row, of connections to its resume URL that were not even greeted

  // This socket's.
  SendBudget budget_;
  std::chrono::milliseconds interval_{0};
  Time deadline_{}, beat_at_{}, turn_{}, live_since_{};
  bool is_acknowledged_ = true, is_held_ = false;
};

}  // namespace usher::discord
