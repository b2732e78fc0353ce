// What a command asks as the operator: the gateway that runs on its data_dir, through the socket, or, when none runs,
// the same API made here from the databases, with the lock of data_dir held meanwhile. Either way the API answers, so a
// command does the same with and without a gateway. Blocking, one thread.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "config/config.h"

namespace usher::app {

struct OperatorAnswer {
  int status = 0;
  json::object body;

  bool is_fine() const { return status >= 200 && status < 300; }
  std::string detail() const;  // of what is not
};

class Operator {
 public:
  virtual ~Operator() = default;
  // `body` is sent with POST and PUT. Errors: unavailable, timeout, protocol when nobody answered as they should; a
  // refusal is an answer.
  virtual Result<OperatorAnswer> ask(std::string_view method, const std::string& target, json::object body = {}) = 0;
  // Lets what was started go on for so long.
  virtual void wait(std::chrono::milliseconds time) = 0;
};

// busy when a gateway runs that does not answer, io when a database cannot be opened. Waits for a gateway that is just
// starting.
Result<std::unique_ptr<Operator>> reach_operator(std::shared_ptr<const config::Config> config);

// Through the socket of a running gateway only; unavailable or timeout when none answers within `patience`.
Result<std::unique_ptr<Operator>> reach_gateway(const config::Gateway& gateway, std::chrono::milliseconds patience);

// Asks once and prints what is wrong; the answer when all is well.
std::optional<json::object> ask_or_complain(std::shared_ptr<const config::Config> config, std::string_view method,
                                            const std::string& target, json::object body = {});

}  // namespace usher::app
