#include "admin/fairness/policies.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <optional>
#include <string_view>

namespace usher::admin {
namespace {

constexpr std::size_t kMaxKept = 16;  // of some 20 MB each at worst
// A comparison takes some tenths of a second at most: who is the last of all has its answer within a request's time.
constexpr TurnBounds kComparisons{.of_family = 2, .waiting = 64};
// Milliseconds each. After a start every subagent of a family may have one of its own.
constexpr TurnBounds kCompilations{.of_family = 16, .waiting = 256};
// What is compiled on the event loop: a millisecond or so, whoever wrote it. It is not length that takes the time but
// stars and the like before the end of a pattern: a few hundred bytes of those take ten times as long.
constexpr std::size_t kMaxSmallPatterns = 64;
constexpr std::size_t kMaxSmallBytes = 512;
constexpr std::ptrdiff_t kMaxInnerWildcards = 8;

std::ptrdiff_t inner_wildcards(std::string_view pattern) {
  if (pattern.ends_with('*')) pattern.remove_suffix(1);
  return std::ranges::count_if(pattern, [](char c) { return c == '*' || c == '?' || c == '['; });
}

bool is_small(const policy::PolicyDocument& document) {
  std::size_t patterns = 0;
  std::size_t bytes = 0;
  std::ptrdiff_t wildcards = 0;
  for (const std::vector<std::string>* list :
       {&document.allowed_actions, &document.denied_actions, &document.allowed_resources, &document.denied_resources}) {
    patterns += list->size();
    if (patterns > kMaxSmallPatterns) return false;
    for (const std::string& pattern : *list) {
      bytes += pattern.size();
      wildcards += inner_wildcards(pattern);
    }
  }
  return bytes <= kMaxSmallBytes && wildcards <= kMaxInnerWildcards;
}

}  // namespace

// A document that somebody compiles and that others may wait for.
struct Policies::Compiling {
  explicit Compiling(const asio::any_io_executor& loop) : ended(loop, asio::steady_timer::time_point::max()) {}
  asio::steady_timer ended;              // cancelled then
  std::optional<CompiledPolicy> result;  // none when it was given up
};

// Says for as long as it lives that a document is being compiled.
class Policies::Leading {
 public:
  Leading(Policies& policies, const Digest& digest, const asio::any_io_executor& loop)
      : policies_(policies), digest_(digest), compiling_(std::make_shared<Compiling>(loop)) {
    policies_.compiling_.emplace(digest_, compiling_);
  }
  Leading(const Leading&) = delete;
  Leading& operator=(const Leading&) = delete;
  ~Leading() {
    policies_.compiling_.erase(digest_);
    compiling_->ended.cancel();
  }
  void set(const CompiledPolicy& result) { compiling_->result = result; }

 private:
  Policies& policies_;
  Digest digest_;
  std::shared_ptr<Compiling> compiling_;
};

Policies::Policies(asio::any_io_executor pool)
    : pool_(std::move(pool)), comparisons_(kComparisons), compilations_(kCompilations) {}

Task<CompiledPolicy> Policies::compiled(std::string family, const policy::PolicyDocument& document) {
  const Digest digest = policy::digest_of(document);
  for (;;) {
    std::shared_ptr<const policy::Policy> known = kept(digest);
    if (known) co_return known;
    const auto found = compiling_.find(digest);
    if (found == compiling_.end()) break;
    const std::shared_ptr<Compiling> joined = found->second;
    co_await joined->ended.async_wait(asio::as_tuple(asio::use_awaitable));
    if (joined->result) co_return *joined->result;
  }
  if (is_small(document)) {
    CompiledPolicy made = policy::Policy::compile_bounded(document);
    keep(digest, made);
    co_return made;
  }
  CompiledPolicy made = co_await compile_on_pool(std::move(family), document, digest);
  co_return made;
}

Task<CompiledPolicy> Policies::compile_on_pool(std::string family, policy::PolicyDocument document, Digest digest) {
  const asio::any_io_executor loop = co_await asio::this_coro::executor;
  Leading leading(*this, digest, loop);
  Result<std::unique_ptr<Turns::Turn>> turn = co_await compilations_.take(std::move(family));
  if (!turn) co_return fail(std::move(turn.error()));
  CompiledPolicy made =
      co_await run_on(pool_, [document = std::move(document)]() { return policy::Policy::compile_bounded(document); });
  keep(digest, made);
  leading.set(made);
  co_return made;
}

Task<Result<policy::NarrowingResult>> Policies::compare(std::string family, policy::PolicyDocument parent,
                                                        policy::PolicyDocument child, policy::Narrowing mode) {
  Result<std::unique_ptr<Turns::Turn>> turn = co_await comparisons_.take(std::move(family));
  if (!turn) co_return fail(std::move(turn.error()));
  policy::NarrowingResult result = co_await run_on(pool_, [parent = std::move(parent), child = std::move(child),
                                                           mode]() { return check_narrowing(parent, child, mode); });
  co_return result;
}

std::shared_ptr<const policy::Policy> Policies::kept(const Digest& digest) {
  const auto found = kept_.find(digest);
  if (found == kept_.end()) return nullptr;
  found->second.used = ++uses_;
  return found->second.policy;
}

void Policies::keep(const Digest& digest, const CompiledPolicy& made) {
  if (!made) return;
  if (kept_.size() >= kMaxKept) {
    kept_.erase(std::ranges::min_element(kept_, {}, [](const auto& entry) { return entry.second.used; }));
  }
  kept_.insert_or_assign(digest, Kept{*made, ++uses_});
}

}  // namespace usher::admin
