// Policies as people write them and requests against them, out of a seed: the same on every machine.
//
// An action is domain:operation:thing. Of the patterns of actions 45 % are literal (`crm12:read:report_7`), 35 % open
// at the end (`crm12:read:*`), 10 % open at the front (`*:export:report_7*`) and 10 % hold a set
// (`file3:[rw]*:notes.*`); those of resources are literal names and paths, `files/team7/*`, `internal_12*`, `*.secret4`
// and `doc_[0-9]*_draft7`. One in five denies.
//
// So that casbin's globMatch, for which `*` ends at a '/', a leading '.' is hidden and {}, ! and # mean something,
// answers the same: a '/' stands only in paths, beneath which there is one level and whose endings no other pattern
// names, and a star never stands for nothing.
#pragma once

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"

namespace usher::bench {

struct TestRequest {
  std::string action;
  std::string resource;
  int sensitivity = 0;

  policy::Request view() const { return {action, resource, sensitivity}; }
};

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  // So many patterns of actions and as many of resources, all different.
  policy::PolicyDocument policy(std::size_t patterns);
  // In every eight: four that are allowed, one each that a denied action, a denied resource, an unknown action and an
  // unknown resource refuse. As far as the policy lets that be found.
  std::vector<TestRequest> requests(const policy::PolicyDocument& document, std::size_t count);
  // Within `parent`: some allow patterns made narrower, some left out, everything denied and a little more.
  policy::PolicyDocument narrowed(const policy::PolicyDocument& parent);

  // `*ab*mn*` in numbers.
  std::vector<std::string> hostile_patterns(std::size_t count);
  // Letters of those patterns. Unless it may be matched, none of them matches, though the first half of many does.
  std::string hostile_text(std::size_t bytes, bool may_be_matched);

 private:
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }
  template <class Words>
  std::string_view one_of(const Words& words) {
    return words[below(words.size())];
  }
  std::string domain(std::size_t breadth);
  std::string thing();
  std::string action_pattern(std::size_t breadth);
  std::string resource_pattern(std::size_t breadth);
  // Puts something in the place of every star and set.
  std::string instance_of(std::string_view glob);
  TestRequest request_of(const policy::PolicyDocument& document, policy::Rule wanted);

  std::mt19937_64 random_;
};

}  // namespace usher::bench
