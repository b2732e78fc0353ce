// What `usher doctor` finds: one fact, whether it is well, and what to do when it is not. Pure.
#pragma once

#include <string>
#include <vector>

namespace usher::app {

enum class Health { ok, warning, error };
const char* to_string(Health health);

struct Finding {
  Health health = Health::ok;
  std::string what;    // for people; holds no secret
  std::string where;   // a file, a key of config.toml, an address
  std::string advice;  // what to do; "" where all is well
};
using Findings = std::vector<Finding>;

}  // namespace usher::app
