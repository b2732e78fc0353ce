#include "admin/api/policies.h"

#include <algorithm>

namespace usher::admin {
namespace {

constexpr std::size_t kMaxKept = 128;
// The pool serves others too: agents that ask for comparisons in a loop do not fill it.
constexpr int kMaxRunning = 16;

// Counts one piece of work for as long as it lives.
class Running {
 public:
  explicit Running(int& count) : count_(count) { ++count_; }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() { --count_; }

 private:
  int& count_;
};

std::unexpected<Error> too_many() { return fail(ErrorKind::busy, "too many policies are being compiled or compared"); }

}  // namespace

Task<Result<std::shared_ptr<const policy::Policy>>> Policies::compiled(const policy::PolicyDocument& document) {
  const Digest digest = policy::digest_of(document);
  const auto found = kept_.find(digest);
  if (found != kept_.end()) {
    found->second.used = ++uses_;
    co_return found->second.policy;
  }
  if (running_ >= kMaxRunning) co_return too_many();
  const Running running(running_);
  Result<std::shared_ptr<const policy::Policy>> made =
      co_await run_on(pool_, [document]() { return policy::Policy::compile(document); });
  if (made) keep(digest, *made);
  co_return made;
}

Task<Result<policy::NarrowingResult>> Policies::compare(policy::PolicyDocument parent, policy::PolicyDocument child,
                                                        policy::Narrowing mode) {
  if (running_ >= kMaxRunning) co_return too_many();
  const Running running(running_);
  policy::NarrowingResult result = co_await run_on(pool_, [parent = std::move(parent), child = std::move(child),
                                                           mode]() { return check_narrowing(parent, child, mode); });
  co_return result;
}

void Policies::keep(const Digest& digest, std::shared_ptr<const policy::Policy> policy) {
  if (kept_.size() >= kMaxKept) {
    kept_.erase(std::ranges::min_element(kept_, {}, [](const auto& entry) { return entry.second.used; }));
  }
  kept_.insert_or_assign(digest, Kept{std::move(policy), ++uses_});
}

}  // namespace usher::admin
