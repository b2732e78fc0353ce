// Named places where a test build dies as kill -9 would: USHER_FAILPOINT=LABEL or LABEL:N kills the process when it
// comes there for the N-th time (default 1). In every other build a failpoint is nothing. tests/e2e proves that each is
// reached and that nothing is lost there. Any thread.
#pragma once

#include <string_view>

namespace usher {

// Every label there is, in the order in which a message meets them.
inline constexpr std::string_view kFailpoints[] = {
    "inbox.before_commit",    // messages are read from the platform, nothing is stored
    "inbox.committed",        // stored; the platform has not been told
    "turn.resolved",          // the role is known and in the ledger; nothing else has happened
    "turn.model_asked",       // just before the model is called
    "turn.model_answered",    // an answer with calls has come, it is not stored
    "turn.step_committed",    // … and now it is
    "turn.call_committed",    // it is stored that a call begins which may change something
    "turn.call_done",         // it has run; its result is not stored
    "reply.before_commit",    // the turn is over, its reply is not stored
    "reply.committed",        // stored; not remembered, not sent
    "reply.remembered",       // in the sender's memory too
    "delivery.part_leaving",  // it is stored that the reply (or one part of it) leaves; it has not left
    "delivery.part_arrived",  // the platform has it; that is not stored
    "delivery.sent",          // stored as sent
    "ledger.before_commit",   // a row is made, not stored
    "ledger.committed",       // stored; its effect has not happened
    "checkpoint.signed",      // signed, not in the file
    "checkpoint.written",     // in the file
};

#ifdef USHER_FAILPOINTS
void failpoint(std::string_view label);
#else
inline void failpoint(std::string_view) {}
#endif

}  // namespace usher
