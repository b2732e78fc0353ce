// What usher's own commands tell the operator once it has ended: who got which decision, whose reply is unknown,
// whether the ledger verifies. Blocks; one thread.
#pragma once

#include "e2e/crash/history/history.h"
#include "e2e/world.h"

namespace usher::e2e::crash {

// Fails the test when the ledger's rows cannot be listed.
void ask_commands(World& world, const History& history, Remains& remains);

}  // namespace usher::e2e::crash
