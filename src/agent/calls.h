// The tool calls of one model answer, made fit to be run and to stay in a history that every vendor accepts. Pure.
// Private to src/agent.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "provider/provider.h"

namespace usher::agent {

struct Call {
  std::string name;                // as the model wrote it, at most 200 bytes, printable
  std::string written;             // its arguments as it wrote them, secrets removed, at most max_argument_bytes
  Result<json::object> arguments;  // invalid with a sentence for the model when they are broken
  std::string key;          // equal for two calls of the same name with the same arguments, whatever their layout
  provider::ToolCall kept;  // for the history: an id of its own, a name and arguments of accepted form
};

// Makes calls; remembers the ids given in this turn so that each is unique.
class CallReader {
 public:
  explicit CallReader(std::size_t max_argument_bytes) : max_argument_bytes_(max_argument_bytes) {}
  Call read(provider::ToolCall call);

 private:
  std::string unique_id(std::string id);

  std::size_t max_argument_bytes_;
  std::set<std::string> ids_;
};

// Members sorted by name at every level.
std::string canonical_json(const json::value& value);

}  // namespace usher::agent
