// What may be done: actions, resources and a level of sensitivity, deny first. A PolicyDocument is what somebody wrote,
// a Policy the same compiled for deciding. Both are immutable once made; any thread.
//
//   1 denied_actions   2 allowed_actions   3 denied_resources   4 allowed_resources   5 sensitivity   6 allowed
//
// The first rule that speaks decides. The globs are those of policy/glob.h; texts that are not valid UTF-8 match none.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"

namespace usher::policy {

constexpr int kMaxSensitivity = 4;

struct PolicyDocument {
  std::vector<std::string> allowed_actions{"*:*:*"};  // an explicit empty list denies all
  std::vector<std::string> denied_actions;
  std::vector<std::string> allowed_resources{"*"};
  std::vector<std::string> denied_resources;
  int max_sensitivity_level = kMaxSensitivity;  // 0–4

  friend bool operator==(const PolicyDocument&, const PolicyDocument&) = default;
};

constexpr std::size_t kMaxPatterns = 20'000;         // of one document, all lists together
constexpr std::size_t kMaxPatternBytes = 1024;       // of one pattern
constexpr std::size_t kMaxDocumentBytes = 2u << 20;  // of a document as JSON
constexpr std::size_t kMaxActionBytes = 256;         // of an action

// invalid with a sentence when a bound is broken, a pattern is not valid UTF-8 or holds a control character, or the
// level is not 0–4.
Result<void> check(const PolicyDocument& document);

// From a JSON object with the five names above, all optional. Unknown and repeated names, null, and any other type are
// invalid; the sentence names the member.
Result<PolicyDocument> parse_policy(std::string_view json);
// All five members, in the order above, without blanks: equal documents have equal bytes.
std::string to_json(const PolicyDocument& document);
// SHA-256 of to_json.
Digest digest_of(const PolicyDocument& document);

struct Request {
  std::string_view action;
  std::string_view resource;  // absent = ""
  int sensitivity = 0;
};

enum class Rule { denied_actions, allowed_actions, denied_resources, allowed_resources, sensitivity, allowed };
// "denied_actions", …, "allowed".
const char* to_string(Rule rule);

struct Decision {
  bool allowed = false;
  Rule rule = Rule::allowed_actions;
  std::string pattern;  // that decided: of a deny list, or of allowed_actions when allowed; "" when none matched
  std::string detail;   // the sentence
};

// The decision without its words: what the hot path and the benchmark use.
struct Verdict {
  bool allowed = false;
  Rule rule = Rule::allowed_actions;
  const std::string* pattern = nullptr;  // into the document, or nullptr
};

class Policy {
 public:
  // invalid as check() says. Time and memory are bounded whatever the patterns are.
  static Result<std::shared_ptr<const Policy>> compile(PolicyDocument document);
  // For a document that somebody untrusted wrote: also invalid where a decision on a text of 1 KiB could take more than
  // a few milliseconds, or the policy more than some 20 MB. 1,500 ordinary patterns fit.
  static Result<std::shared_ptr<const Policy>> compile_bounded(PolicyDocument document);
  ~Policy();
  Policy(const Policy&) = delete;
  Policy& operator=(const Policy&) = delete;

  // Linear in the length of action and resource, whatever the patterns are. Never throws for bad input.
  Verdict judge(const Request& request) const;
  Decision decide(const Request& request) const;
  // Whether some action that `action_glob` matches is granted, on some resource, at `sensitivity`. Exact as long as it
  // can be told within bounds; true where it cannot: every single call is still decided. Remembers its answers.
  bool may_allow(std::string_view action_glob, int sensitivity) const;

  const PolicyDocument& document() const;
  // digest_of(document()) as 64 hex digits: how the ledger names a policy.
  const std::string& hash() const;

 private:
  struct Compiled;
  explicit Policy(std::unique_ptr<const Compiled> compiled);
  std::unique_ptr<const Compiled> compiled_;
};

// `domain:operation:resource`: ^[a-z][a-z0-9_]*:[a-z][a-z0-9_]*:[a-z][a-z0-9_.]*$, at most kMaxActionBytes.
bool is_action(std::string_view text);

}  // namespace usher::policy
