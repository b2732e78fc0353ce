// links: policy
//
// Any bytes as a policy: refused, or a document that survives its own JSON, decides by its rules, and is within itself.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "policy/glob.h"
#include "policy/narrowing.h"
#include "policy/policy.h"

namespace {

using namespace usher::policy;

void demand(bool holds) {
  if (!holds) std::abort();
}

bool any(const std::vector<std::string>& globs, std::string_view text) { return GlobSet(globs).matches(text); }

void check_decision(const Policy& policy, const Request& request) {
  const PolicyDocument& document = policy.document();
  const bool is_granted =
      !any(document.denied_actions, request.action) && any(document.allowed_actions, request.action) &&
      !any(document.denied_resources, request.resource) && any(document.allowed_resources, request.resource) &&
      request.sensitivity <= document.max_sensitivity_level;
  const Decision decision = policy.decide(request);
  demand(decision.allowed == is_granted);
  demand(decision.allowed == (decision.rule == Rule::allowed));
}

}  // namespace

// The first line is the request's text, the rest the policy.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t border = input.find('\n');
  const std::string_view text = input.substr(0, border);
  const auto document = parse_policy(border == input.npos ? std::string_view() : input.substr(border + 1));
  if (!document) return 0;
  demand(parse_policy(to_json(*document)) == *document);
  const auto policy = Policy::compile(*document);
  demand(policy.has_value());
  check_decision(**policy, {text, text, static_cast<int>(size % 6)});
  for (const Narrowing mode : {Narrowing::strict, Narrowing::effective}) {
    const NarrowingResult itself = check_narrowing(*document, *document, mode, {.max_states = 2000});
    demand(itself.within || itself.undecided);
    const NarrowingResult all = check_narrowing({.allowed_actions = {"*"}}, *document, mode, {.max_states = 2000});
    demand(all.within || all.undecided);
  }
  return 0;
}
