// casbin, from npm, asked the same: a Node process of its own that reads the policy and the requests as JSON.
#pragma once

#include <string>
#include <vector>

#include "figures.h"
#include "generator.h"

namespace usher::bench {

struct CasbinAnswer {
  std::string version;
  Timing timing;              // of one decision
  std::vector<bool> allowed;  // of the first requests, as many as were asked for
};

class CasbinPeer {
 public:
  // `node`: the program; `script`: casbin_peer.mjs, beside which its packages are installed.
  CasbinPeer(std::string node, std::string script) : node_(std::move(node)), script_(std::move(script)) {}

  // `matcher`: "regexMatch" or "globMatch". Decides the first `count` requests over and over. Throws when it fails.
  CasbinAnswer decide(const std::string& matcher, const policy::PolicyDocument& document,
                      const std::vector<TestRequest>& requests, std::size_t count, const Effort& effort) const;

 private:
  std::string node_, script_;
};

}  // namespace usher::bench
