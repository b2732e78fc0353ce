// What happened to one data directory over all lives of usher on it, as the simulators and the disk saw it. Plain data,
// so that a test can write a history by hand and break it. No thread safety.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace usher::e2e::crash {

// A message that a person wrote. Its number is its token: answers and effects name it.
struct Message {
  int number = 0;
  std::string conversation;  // "main/100"; "main/-500/300" for a person in a group
  std::int64_t update_id = 0;
  std::int64_t message_id = 0;  // within its chat
  bool is_in_group = false;     // there the answer quotes it, so that one without the token is known to be its
  std::string command{};        // "new" of "/new"; "" = words for the model
  bool grows = false;           // its answer is shown while the model still writes it
  bool has_picture = false;
};

// What usher says itself.
inline constexpr std::string_view kStopped = "Stopped.";
inline constexpr std::string_view kNothingToStop = "There is nothing to stop.";
inline constexpr std::string_view kNewConversation = "A new conversation.";

struct Event {
  enum class Kind {
    life_began,    // text: what the schedule wants of it
    life_ended,    // text: how; label: the failpoint at which it died
    written,       // by a person
    repeated,      // the platform delivers it once more, confirmed or not
    confirmed,     // by the offset of getUpdates
    stored,        // text: the state in which it is on disk at the end of this life
    model_asked,   // agent, round, sender, cost, what it is shown
    reply_arrived  // text: what the person reads
  };
  Kind kind = Kind::written;
  int life = 0;
  std::chrono::microseconds at{0};
  int message = 0;  // 0 = belongs to none
  std::string text{};
  std::string agent{};         // "" = the sender's own, "d1" = the subagent that round 1 handed a task to
  int round = 0;               // answers with calls before this question, in this turn of this agent
  std::string sender{};        // "default/telegram:100"
  std::int64_t micro_usd = 0;  // what the model's answer costs
  std::vector<int> shown{};    // earlier messages in the request
  bool shows_picture = false;  // beside the message itself
  std::string label{};
  bool is_violent = false;  // of life_ended: killed
};

// What is there after the last life, which ended in peace.
struct Remains {
  std::map<int, std::string> states;                  // by message, as the gateway has kept it: "sent", "unknown", …
  std::map<std::string, int> effects;                 // how often each effect's token is on disk
  std::map<int, int> remembered;                      // how often each message is in its sender's memory
  std::map<std::string, std::int64_t> charged;        // by sender, in 10⁻⁶ USD
  std::map<int, std::map<std::string, int>> allowed;  // rows of the ledger that allow an action, by message and action
  std::map<std::string, std::int64_t>
      shown_as_unknown;              // replies, by conversation: as `usher conversations` counts them
  std::vector<std::string> damaged;  // databases that fail an integrity check, and how
  std::string ledger;                // what `usher audit verify` complains of; "" = nothing
};

struct History {
  std::vector<Message> messages;
  std::vector<Event> events;                             // in order
  std::map<std::string, std::int64_t> calls_per_minute;  // the limit of each sender that has one
  std::set<int> answers_lost;  // messages whose reply arrived while the platform's answer was lost
  std::set<int> closed;        // commands that the platform lets nobody answer: they were not acknowledged in time
  Remains remains;

  const Message* find(int number) const;
};

const char* to_string(Event::Kind kind);
// "life 7   3.214 s  T42 model_asked d1 round 2"
std::string to_string(const Event& event);

// What an answer says of itself: each of its lines begins with "T42#3/8", and its last line may end with
// "ok: T42/e1.0 T42/m1.1", the effects whose tools reported success.
struct AnswerLine {
  int message = 0, number = 0, of = 0;
};
std::vector<AnswerLine> lines_of(std::string_view text);
std::vector<std::string> claims_of(std::string_view text);
// The message that a token such as "T42/e1.0" belongs to; 0 when it is none.
int message_of_token(std::string_view token);
// Every "[T42/e1.0]" in a text, without the brackets.
std::vector<std::string> effects_in(std::string_view text);

}  // namespace usher::e2e::crash
