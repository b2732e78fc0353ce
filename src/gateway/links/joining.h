// What /link and /unlink say and do. One account asks for a code and the other enters it, in private chats only. Before
// anything is joined the person is told with whom, and has to say yes: whoever is talked into entering a stranger's
// code would from then on write into that stranger's memory. Each step is a row of the ledger before it is done.
// Event-loop thread; everything it is given outlives it.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "audit/ledger.h"
#include "base/async.h"
#include "base/clock.h"
#include "base/sender.h"
#include "gateway/links/links.h"
#include "gateway/room/texts.h"
#include "rbac/role.h"

namespace usher::gateway {

class Joining {
 public:
  Joining(Links& links, const rbac::RoleResolver& roles, audit::Ledger& ledger, const Clock& clock)
      : links_(links), roles_(roles), ledger_(ledger), clock_(clock) {}

  struct Request {
    Sender sender;
    std::string words;   // the whole message: "/link", "/link K7QDM3XPA1", "/link K7QDM3XPA1 yes", "/unlink"
    std::string source;  // for the ledger: "main/812345"
    bool is_private = false;
  };
  // "link" and "unlink".
  static bool is_command(std::string_view command);
  // Whether somebody who is turned away may ask it: they may have an account that is not.
  static bool is_for_strangers(std::string_view words);
  Task<std::string> answer(Request request, Texts texts);

 private:
  Task<std::string> give_code(const Request& request, const Texts& texts);
  Task<std::string> enter_code(const Request& request, const Texts& texts, std::string_view code, bool is_confirmed);
  Task<void> refuse_among_others(const Request& request, std::string_view code);
  Task<std::string> unlink(const Request& request, const Texts& texts);
  // Why the sender cannot join anybody, as the name of a text; "" when they can.
  std::string_view hindrance(const Sender& sender) const;
  Task<Result<void>> record(const Request& request, audit::Outcome outcome, const char* action, std::string resource,
                            std::string detail);
  // Counts a wrong code; true when there were too many.
  bool has_guessed_too_often(const Sender& sender);
  void note_wrong_guess(const Sender& sender);

  struct Guesses {
    int wrong = 0;
    MonotonicTime since{0};
  };

  Links& links_;
  const rbac::RoleResolver& roles_;
  audit::Ledger& ledger_;
  const Clock& clock_;
  std::unordered_map<std::string, Guesses> guesses_;  // by digest of the sender; bounded
};

}  // namespace usher::gateway
