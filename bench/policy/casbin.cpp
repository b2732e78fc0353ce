#include "casbin.h"

#include <fmt/format.h>

#include <stdexcept>

#include "base/json.h"
#include "support/child.h"
#include "support/scratch.h"

namespace usher::bench {

namespace {

std::string to_json(const std::vector<TestRequest>& requests, std::size_t count) {
  json::array list;
  for (std::size_t i = 0; i < count; ++i) {
    const TestRequest& request = requests.at(i);
    list.push_back(
        json::object{{"action", request.action}, {"resource", request.resource}, {"sensitivity", request.sensitivity}});
  }
  return json::serialize(list);
}

CasbinAnswer parse(const std::string& output) {
  json::value answer = json::parse(output);
  return {.version = json::value_to<std::string>(answer.at("version")),
          .timing = timing_of(json::value_to<std::vector<double>>(answer.at("rounds_ns"))),
          .allowed = json::value_to<std::vector<bool>>(answer.at("allowed"))};
}

}  // namespace

CasbinAnswer CasbinPeer::decide(const std::string& matcher, const policy::PolicyDocument& document,
                                const std::vector<TestRequest>& requests, std::size_t count,
                                const Effort& effort) const {
  Scratch scratch;
  std::string policy_file = scratch.path() / "policy.json", requests_file = scratch.path() / "requests.json";
  std::string output = scratch.path() / "output";
  write_file(policy_file, policy::to_json(document));
  write_file(requests_file, to_json(requests, count));
  Child node({node_, script_, policy_file, requests_file, matcher, std::to_string(effort.rounds),
              std::to_string(effort.seconds)},
             {}, output);
  int status = node.wait();
  std::string text = read_file(output);
  if (status != 0) throw std::runtime_error(fmt::format("{} ended with {}:\n{}", script_, status, text));
  return parse(text);
}

}  // namespace usher::bench
