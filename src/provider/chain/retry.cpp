#include <algorithm>
#include <random>

#include "provider/chain.h"

namespace usher::provider {
namespace {

using std::chrono::milliseconds;

bool is_worth_another_attempt(ErrorKind kind) {
  return kind == ErrorKind::busy || kind == ErrorKind::unavailable || kind == ErrorKind::protocol;
}

bool is_worth_another_model(ErrorKind kind) { return is_worth_another_attempt(kind) || kind == ErrorKind::timeout; }

// Of several failures the one to report: what may have cost money must not be hidden from the budget outside.
void keep(std::optional<Error>& kept, Error error) {
  if (!kept || may_have_cost(error.kind) || !may_have_cost(kept->kind)) kept = std::move(error);
}

double uniform() {
  thread_local std::minstd_rand engine{std::random_device{}()};
  return std::uniform_real_distribution<double>(0.0, 1.0)(engine);
}

// How long to wait after the `failed`th attempt; nullopt when that is longer than anybody should wait.
std::optional<milliseconds> delay_after(const RetryPolicy& policy, int failed, const Error& error) {
  if (error.retry_after) {
    if (*error.retry_after > policy.max_delay) return std::nullopt;
    return std::max(*error.retry_after, milliseconds(0));
  }
  double random = policy.random ? policy.random() : uniform();
  auto doubled = policy.first_delay * (std::int64_t{1} << std::clamp(failed - 1, 0, 30));
  auto capped = std::min<milliseconds>(doubled, policy.max_delay);
  return std::chrono::duration_cast<milliseconds>(capped * (0.8 + 0.4 * random));
}

}  // namespace

RetryingProvider::RetryingProvider(Provider& inner, RetryPolicy policy)
    : ProviderWrapper(inner), policy_(std::move(policy)) {}

Task<Result<Completion>> RetryingProvider::complete(const Request& request, const TextSink& sink, Deadline deadline) {
  std::optional<Error> failure;
  for (int attempt = 1;; ++attempt) {
    Result<Completion> completion = co_await inner().complete(request, sink, deadline);
    if (completion) co_return completion;
    Error error = completion.error();
    keep(failure, error);
    if (attempt >= policy_.max_attempts || !is_worth_another_attempt(error.kind)) break;
    std::optional<milliseconds> delay = delay_after(policy_, attempt, error);
    if (!delay || *delay >= deadline.remaining()) break;
    bool has_waited = false;
    if (policy_.wait) {
      has_waited = co_await policy_.wait(*delay);
    } else {
      has_waited = co_await sleep_for(*delay);
    }
    if (!has_waited) co_return fail(ErrorKind::cancelled, "cancelled while waiting to ask the model again");
  }
  co_return fail(std::move(*failure));
}

FallbackProvider::FallbackProvider(std::vector<Provider*> providers) : providers_(std::move(providers)) {}

Task<Result<Completion>> FallbackProvider::complete(const Request& request, const TextSink& sink, Deadline deadline) {
  std::optional<Error> failure;
  for (Provider* provider : providers_) {
    if (failure && deadline.has_passed()) break;
    Result<Completion> completion = co_await provider->complete(request, sink, deadline);
    if (completion) co_return completion;
    ErrorKind kind = completion.error().kind;
    keep(failure, std::move(completion.error()));
    if (!is_worth_another_model(kind)) break;
  }
  if (!failure) co_return fail(ErrorKind::internal, "no model is configured for this call");
  co_return fail(std::move(*failure));
}

}  // namespace usher::provider
