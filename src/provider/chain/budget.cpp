#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>

#include "provider/chain.h"

namespace usher::provider {
namespace {

// Wide enough for any sum of three products of 63-bit numbers.
__extension__ typedef __int128 Wide;

Wide product(std::int64_t tokens, std::optional<MicroUsd> per_mtok) {
  return static_cast<Wide>(std::max<std::int64_t>(tokens, 0)) * (per_mtok ? per_mtok->value : 0);
}

MicroUsd rounded_up(Wide millionths) {
  Wide cost = (millionths + 999'999) / 1'000'000;
  return {static_cast<std::int64_t>(std::min<Wide>(cost, std::numeric_limits<std::int64_t>::max()))};
}

bool is_priced(const Price& price) { return price.input_per_mtok && price.output_per_mtok; }

bool has_limit(const std::vector<limits::BudgetScope>& scopes) {
  return std::ranges::any_of(scopes, [](const limits::BudgetScope& scope) { return scope.limit.has_value(); });
}

void settle(limits::Budgets& budgets, limits::Reservation reservation, MicroUsd actual) {
  Result<void> settled = budgets.settle(reservation, actual);
  // The reservation stays charged then: never too little.
  if (!settled) spdlog::warn("budget: reservation {} stays charged: {}", reservation.id, settled.error().message);
}

}  // namespace

bool may_have_cost(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
    case ErrorKind::not_found:
    case ErrorKind::denied:
    case ErrorKind::limit:
    case ErrorKind::busy:
    case ErrorKind::unavailable:
      return false;
    case ErrorKind::timeout:
    case ErrorKind::protocol:
    case ErrorKind::io:
    case ErrorKind::corrupt:
    case ErrorKind::cancelled:
    case ErrorKind::internal:
      return true;
  }
  return true;
}

MicroUsd cost_of(const Price& price, const Usage& usage) {
  std::int64_t input = std::max<std::int64_t>(usage.input_tokens, 0);
  std::int64_t cached = std::clamp<std::int64_t>(usage.cached_input_tokens, 0, input);
  std::optional<MicroUsd> cached_price =
      price.cached_input_per_mtok ? price.cached_input_per_mtok : price.input_per_mtok;
  return rounded_up(product(input - cached, price.input_per_mtok) + product(cached, cached_price) +
                    product(usage.output_tokens, price.output_per_mtok));
}

BudgetedProvider::BudgetedProvider(Provider& inner, limits::Budgets& budgets, std::vector<limits::BudgetScope> scopes,
                                   Price price, std::string model)
    : ProviderWrapper(inner),
      budgets_(budgets),
      scopes_(std::move(scopes)),
      price_(std::move(price)),
      model_(std::move(model)) {
  // Whatever a vendor calls cached, no call may cost more than was reserved for uncached input.
  if (price_.cached_input_per_mtok && price_.input_per_mtok) {
    price_.cached_input_per_mtok = std::min(*price_.cached_input_per_mtok, *price_.input_per_mtok);
  }
}

Task<Result<Completion>> BudgetedProvider::complete(const Request& request, const TextSink& sink, Deadline deadline) {
  if (scopes_.empty()) {
    Result<Completion> forwarded = co_await inner().complete(request, sink, deadline);
    co_return forwarded;
  }
  if (has_limit(scopes_) && !is_priced(price_) && !price_.free) {
    co_return fail(ErrorKind::denied,
                   "model '" + model_ +
                       "' has no price, so it is not used under a cost limit: set input_usd_per_mtok "
                       "and output_usd_per_mtok of the model, or free = true");
  }
  MicroUsd reserved =
      cost_of(price_, Usage{.input_tokens = estimate_input_tokens(request), .output_tokens = price_.max_output_tokens});
  Result<limits::Reservation> reservation = co_await budgets_.reserve(scopes_, reserved);
  if (!reservation) co_return fail(std::move(reservation.error()));

  // Nothing guards the reservation: whoever destroys this coroutine leaves it charged, which is what a call that may
  // still be running at the vendor costs.
  Result<Completion> completion = fail(ErrorKind::internal, "");
  try {
    completion = co_await inner().complete(request, sink, deadline);
  } catch (...) {
    settle(budgets_, *reservation, reserved);
    throw;
  }
  if (completion) {
    settle(budgets_, *reservation, cost_of(price_, completion->usage));
  } else {
    settle(budgets_, *reservation, may_have_cost(completion.error().kind) ? reserved : MicroUsd{0});
  }
  co_return completion;
}

}  // namespace usher::provider
