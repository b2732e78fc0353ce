// `usher policy decide` and `usher policy narrow`: the policy engine on files and pipes, for other programs and for
// trying a policy out. No configuration is read. Each returns an ExitStatus.
#pragma once

#include <string>

#include "policy/narrowing.h"

namespace usher::app {

// Reads one JSON request a line from stdin ({action, resource, sensitivity}) and answers one JSON decision a line
// ({allowed, detail, rule}) in the same order, each batch as soon as it was read; memory does not grow with the input.
// A malformed request is denied, by the rule "malformed", and makes the exit status 1 at the end.
int policy_decide(const std::string& policy_file);

struct NarrowRequest {
  std::string parent_file, child_file;
  std::string mode = "strict";  // | "effective"
};
// 0 = within, 2 = not within or undecided.
int policy_narrow(const NarrowRequest& request, bool as_json);

}  // namespace usher::app
