// The decorators of a model call and their order, outermost first:
//
//   BudgetedProvider → RateLimitedProvider → FallbackProvider → RetryingProvider (per model) → vendor
//
// A call that either limit refuses counts against neither: what the budget reserved is given back when the window
// refuses. A retried or fallen-back call counts once against the window; the budget reserves the dearest model of the
// chain.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "limits/budget.h"
#include "limits/rate.h"
#include "provider/provider.h"

namespace usher::provider {

// True when a vendor may ask money for a call that failed so: it was sent, and nobody knows how far it came.
bool may_have_cost(ErrorKind kind);

// Admits a call only when every window of `keys` has room ("never more than N in any 60 s"); a refusal is
// ErrorKind::limit with retry_after and names the window. The windows must outlive it.
class RateLimitedProvider final : public ProviderWrapper {
 public:
  RateLimitedProvider(Provider& inner, limits::RateWindows& windows, std::vector<limits::RateKey> keys);
  Task<Result<Completion>> complete(const Request& request, const TextSink& sink, Deadline deadline) override;

 private:
  limits::RateWindows& windows_;
  std::vector<limits::RateKey> keys_;
};

// What a model costs. nullopt prices = unpriced: refused under a budget unless free.
struct Price {
  std::optional<MicroUsd> input_per_mtok;
  std::optional<MicroUsd> output_per_mtok;
  std::optional<MicroUsd> cached_input_per_mtok;
  bool free = false;
  std::int64_t max_output_tokens = 1024;
};
// Rounded up to the next millionth; saturates instead of overflowing.
MicroUsd cost_of(const Price& price, const Usage& usage);

// Reserves (estimated input + max_output_tokens at the price) on every scope in one transaction before the call,
// settles with the real usage after it. A failed call settles at nothing when the vendor cannot have charged, else at
// the reservation (may_have_cost); a cancelled call is not free: a coroutine that is destroyed leaves its reservation
// charged. denied for an unpriced model that is not free when a scope has a limit. No scopes = no budget = forwards.
class BudgetedProvider final : public ProviderWrapper {
 public:
  BudgetedProvider(Provider& inner, limits::Budgets& budgets, std::vector<limits::BudgetScope> scopes, Price price,
                   std::string model);
  Task<Result<Completion>> complete(const Request& request, const TextSink& sink, Deadline deadline) override;

 private:
  limits::Budgets& budgets_;
  std::vector<limits::BudgetScope> scopes_;
  Price price_;
  std::string model_;
};

struct RetryPolicy {
  int max_attempts = 3;
  std::chrono::milliseconds first_delay{500};   // doubles, with ± 20 % jitter
  std::chrono::milliseconds max_delay{20'000};  // a longer retry_after is not waited for: the error is returned
  // For tests. random: uniform in [0, 1). wait: false when it was cancelled. Empty = the real ones.
  std::function<double()> random;
  std::function<Task<bool>(std::chrono::milliseconds)> wait;
};

// Repeats busy, unavailable and protocol errors within the deadline, honouring retry_after. Never after timeout. When
// all attempts failed it returns the last error, or an earlier one that may have cost money when the last cannot have.
class RetryingProvider final : public ProviderWrapper {
 public:
  RetryingProvider(Provider& inner, RetryPolicy policy);
  Task<Result<Completion>> complete(const Request& request, const TextSink& sink, Deadline deadline) override;

 private:
  RetryPolicy policy_;
};

// Tries each provider in order while the error is busy, unavailable, protocol or timeout and the deadline allows.
// Returns the same error as RetryingProvider would. The providers must outlive it.
class FallbackProvider final : public Provider {
 public:
  explicit FallbackProvider(std::vector<Provider*> providers);
  Task<Result<Completion>> complete(const Request& request, const TextSink& sink, Deadline deadline) override;

 private:
  std::vector<Provider*> providers_;
};

}  // namespace usher::provider
