// Told by the platforms and the model what they see of usher, it writes the history, and strikes: it writes messages,
// sends SIGTERM and kills when they have seen so many events. Simulators call it on their executor, the harness on its
// own thread; everything is guarded by one mutex. Outlives the simulators.
#pragma once

#include <condition_variable>
#include <initializer_list>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "e2e/crash/history/history.h"
#include "e2e/crash/platform.h"
#include "e2e/crash/schedule/schedule.h"
#include "support/model/model_simulator.h"
#include "support/process/process.h"

namespace usher::e2e::crash {

using namespace usher::testing;

// A message of usher's as its platform took it.
struct Arrival {
  std::string id;  // an edit has that of what it changes
  std::string chat;
  std::int64_t quoted = 0;  // the message_id of what it answers; 0 = it does not say
  std::string text;
  bool is_answer_lost = false;
};

class Recorder {
 public:
  // `kind` is that of all its bots: "telegram".
  explicit Recorder(std::string kind) : kind_(std::move(kind)) {}
  // By the name of its channel. Before anything is written.
  void add(const std::string& bot, Platform& platform);
  void limit(const std::string& sender, std::int64_t calls_per_minute);
  // "default/telegram:100"
  std::string sender_of(const Person& person) const;

  // For the platforms: what usher did there …
  void numbered(const std::string& bot, std::int64_t update_id, std::int64_t message_id);
  void confirmed(const std::string& bot, const std::vector<std::int64_t>& update_ids);
  void arrived(const std::string& bot, const Arrival& arrival);
  // … and that something happened, whatever it was: once for each call and each answer to it, behind the above.
  void passed();
  // For the model's simulator.
  ModelAnswer ask_model(const json::object& request);

  // For the harness. A person writes; the message's number.
  int write(const Writing& writing);
  // The platform delivers one of the newest messages once more, were it confirmed or not.
  void repeat(std::uint64_t choice);
  void refuse_reply(std::uint64_t choice);
  void lose_reply();
  void lose_messages();
  // Events belong to life `number` from now on.
  void begin(int number, const std::string& what);
  // From now on events count towards `life`'s writings and death; until disarm(). `process` must live until then.
  void arm(const Life& life, Process& process);
  // True when it was killed from here.
  bool disarm();
  // Writes what the armed life still has to write; false when that is nothing.
  bool write_rest();
  void end(const std::string& how, std::string_view label, bool is_violent);
  // States as they are on disk, by bot and update id: what changed becomes an event.
  void note_states(const std::map<std::pair<std::string, std::int64_t>, std::string>& states);

  // True when each bot listens in the armed life.
  bool is_listening() const;
  // True when nobody waits: every message is answered whole, unknown, or on disk as one whose reply was leaving.
  bool is_settled() const;
  // True when somebody waits for an answer that grows.
  bool is_growing() const;
  bool is_all_confirmed() const;
  // Nothing is left to do for usher: every message is confirmed, and answered whole or unknown, and at rest.
  bool is_done() const;
  // Nothing on disk waits for the next life.
  bool is_at_rest() const;
  std::size_t events() const;
  // Waits for an event or a while.
  void wait(std::chrono::milliseconds longest) const;
  History history() const;
  void finish(Remains remains);

 private:
  struct Trigger {
    Life life;
    Process* process = nullptr;
    std::size_t seen = 0;
    bool has_terminated = false, has_killed = false;
  };

  // What the event that was just seen sets off; waits and kills outside of the lock.
  void strike();
  void note(Event event);
  int write_locked(const Writing& writing);
  int message_answered(const std::string& bot, const Arrival& arrival) const;
  void note_confirmed(int message);
  // An answer proves that its message was accepted, where nobody else is told.
  void note_accepted(int message);
  void note_progress(int message, std::string_view text);
  bool is_answered(const Message& message) const;
  bool all_are_answered_or(std::initializer_list<std::string_view> states) const;
  // Which lines of a message's answer have arrived, and how many there are; or that it was a sentence of usher's own.
  struct Progress {
    std::set<int> lines;
    std::size_t of = 1;
    bool is_sentence = false, is_stopped = false;
    bool is_whole() const { return is_sentence || lines.size() >= of; }
  };

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  const std::string kind_;
  std::map<std::string, Platform*> bots_;
  History history_;
  std::vector<std::size_t> persons_;  // who wrote history_.messages[i]
  std::set<int> confirmed_;
  std::map<int, Progress> progress_;
  std::map<std::pair<std::string, std::string>, std::size_t> arrivals_;  // by bot and id, their place in the history
  std::map<int, std::string> states_;
  std::size_t events_ = 0;
  int life_ = 0;
  std::optional<Trigger> trigger_;
};

// "main/100", "main/-500/300"
std::string conversation_of(const Person& person);

}  // namespace usher::e2e::crash
