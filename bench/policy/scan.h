// What anybody would write first: every pattern in turn, by the C library's fnmatch(3). Also the independent judge of
// what the right answer is.
#pragma once

#include "generator.h"
#include "policy/policy.h"

namespace usher::bench {

class FnmatchScan {
 public:
  // `document` must outlive it; its patterns must mean the same to fnmatch(3): ASCII only, no "[^".
  explicit FnmatchScan(const policy::PolicyDocument& document) : document_(document) {}

  // The rule that decides; Rule::allowed when none refuses.
  policy::Rule judge(const TestRequest& request) const;

 private:
  const policy::PolicyDocument& document_;
};

}  // namespace usher::bench
