// The model of the crash harness: what it answers is a function of the request alone, so that the same history gives
// the same answer in every life. A person's message is "T42 plan: read;edit+store;delegate;say 3": in each round the
// model makes the calls that are joined by '+' (begin: makes the file that edits append to; read: a search; edit,
// write, store: an effect with a token of its own; delegate: a task for a subagent, whose plan is "edit;say 1"), and in
// the end it says so many lines, as history::lines_of reads them, with the effects that its tools reported as done
// ("grow 9" says them so slowly that people may see them grow). Any thread.
#pragma once

#include <string>
#include <vector>

#include "support/model/model_simulator.h"

namespace usher::e2e::crash {

using namespace usher::testing;

// The file that edits append to, and what it holds at first.
inline constexpr const char* kLogFile = "files/log.txt";
inline constexpr const char* kLogEnd = "[end]";

// Where a request stands.
struct Position {
  int message = 0;     // 0 = no plan is in the request
  std::string prefix;  // of tokens: "T42", or "T42/d1" for a subagent
  std::string agent;   // "" or "d1"
  int round = 0;       // answers with calls since the plan
  std::string plan;
};
Position position_of(const json::object& request);

// What a request shows beside the plan.
struct View {
  std::vector<int> messages;  // that came before it, of the same kind of agent
  bool has_picture = false;   // in the message with the plan
};
View view_of(const json::object& request);

ModelAnswer answer_by_plan(const json::object& request);

// What an answer costs at 10 USD a million tokens, in 10⁻⁶ USD.
std::int64_t cost_of(const ModelAnswer& answer);

}  // namespace usher::e2e::crash
