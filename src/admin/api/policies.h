// Policies compiled and compared, on the pool: never on the event loop, where everything else would wait. What was
// compiled is kept by the digest of its document, bounded. Event-loop thread; must outlive what it has started.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "base/async.h"
#include "base/hash.h"
#include "base/result.h"
#include "policy/narrowing.h"
#include "policy/policy.h"

namespace usher::admin {

class Policies {
 public:
  explicit Policies(asio::any_io_executor pool) : pool_(std::move(pool)) {}

  // invalid as policy::check says; busy when too many wait for the pool.
  Task<Result<std::shared_ptr<const policy::Policy>>> compiled(const policy::PolicyDocument& document);
  Task<Result<policy::NarrowingResult>> compare(policy::PolicyDocument parent, policy::PolicyDocument child,
                                                policy::Narrowing mode);

 private:
  struct Kept {
    std::shared_ptr<const policy::Policy> policy;
    std::uint64_t used = 0;
  };
  void keep(const Digest& digest, std::shared_ptr<const policy::Policy> policy);

  asio::any_io_executor pool_;
  std::map<Digest, Kept> kept_;
  std::uint64_t uses_ = 0;
  int running_ = 0;  // on the pool, or waiting for it
};

}  // namespace usher::admin
