// Policies compiled and compared, never on the event loop where that takes longer than anything else there. The chat
// uses the same pool: comparisons have one thread of it at most, and so have compilations. What was compiled is kept by
// the digest of its document, bounded. Event-loop thread; must outlive what it has started.
//
// `family` is who asks (Caller::family). Errors: limit when that family asks for too much at once, busy when too many
// wait, invalid as Policy::compile_bounded says.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "admin/fairness/turns.h"
#include "base/async.h"
#include "base/hash.h"
#include "base/result.h"
#include "policy/narrowing.h"
#include "policy/policy.h"

namespace usher::admin {

using CompiledPolicy = Result<std::shared_ptr<const policy::Policy>>;

class Policies {
 public:
  explicit Policies(asio::any_io_executor pool);

  // A small document is compiled at once, whatever else is going on. A large one takes its turn; who asks for the same
  // one meanwhile gets what comes of it.
  Task<CompiledPolicy> compiled(std::string family, const policy::PolicyDocument& document);
  Task<Result<policy::NarrowingResult>> compare(std::string family, policy::PolicyDocument parent,
                                                policy::PolicyDocument child, policy::Narrowing mode);

 private:
  struct Kept {
    std::shared_ptr<const policy::Policy> policy;
    std::uint64_t used = 0;
  };
  struct Compiling;
  class Leading;

  std::shared_ptr<const policy::Policy> kept(const Digest& digest);
  void keep(const Digest& digest, const CompiledPolicy& made);
  Task<CompiledPolicy> compile_on_pool(std::string family, policy::PolicyDocument document, Digest digest);

  asio::any_io_executor pool_;
  Turns comparisons_;
  Turns compilations_;
  std::map<Digest, std::shared_ptr<Compiling>> compiling_;
  std::map<Digest, Kept> kept_;
  std::uint64_t uses_ = 0;
};

}  // namespace usher::admin
