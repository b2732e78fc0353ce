// What usher promises of a conversation whatever kills it, judged from a history alone. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "e2e/crash/history/history.h"

namespace usher::e2e::crash {

struct Violation {
  std::string property;  // "answered", "once", "parts", "order", "stored", "effects", "rate", "paid twice", …
  std::string what;      // a sentence
  int message = 0;       // 0 = none in particular
  int life = 0;          // 0 = none in particular
};

// Everything that is wrong, in the order of the properties; empty = nothing is.
std::vector<Violation> check(const History& history);

// Each property alone; check() asks all of them.
using Violations = std::vector<Violation>;
// Each message is confirmed and answered whole, or said to be unknown. A /stop is also answered by the turn that it
// stopped, and a command that the platform has closed by nobody.
Violations check_answered(const History& history);
// No line of an answer arrives twice, and none that belongs to no message.
Violations check_once(const History& history);
// The lines of one answer arrive in their order; a gap only where the reply is unknown.
Violations check_parts(const History& history);
// In a conversation answers come in the order of the messages.
Violations check_order(const History& history);
// What was confirmed during a life is on disk at its end.
Violations check_stored(const History& history);
// A reply is unknown only where something broke while it was sent: a life was killed that had it on disk as leaving, or
// the platform's answer was lost.
Violations check_unknown(const History& history);
// "Stopped." is said to who asked for it, and each command is answered in its own words.
Violations check_commands(const History& history);
// Behind an answered /new neither the model nor the memory knows what was said before.
Violations check_forgotten(const History& history);
// The model is shown the picture of a message that has one, and nothing from other conversations.
Violations check_seen(const History& history);
// What is unknown is shown to the operator.
Violations check_shown(const History& history);
// A tool's effect happens at most once, and once when the answer says so.
Violations check_effects(const History& history);
// The ledger holds the role that each answered message was given, and a decision for each effect.
Violations check_provable(const History& history);
// What the model has answered is in its sender's memory once; a memory keeps the newest only, so these are asked for.
Violations check_remembered(const History& history);
// No sender reaches the model more often than its limit in any minute, over all lives.
Violations check_rate(const History& history);
// A model's answer that is stored is not asked for again.
Violations check_paid_once(const History& history);
// What the model's answers cost is charged at least.
Violations check_budget(const History& history);
// Lives end as they were told to, databases are whole, the ledger verifies.
Violations check_soundness(const History& history);

// For people who have to find out: the violation, what the conversation saw in each life, and where it stood.
std::string explain(const History& history, const Violation& violation);

}  // namespace usher::e2e::crash
