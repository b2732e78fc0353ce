#include "provider/chain.h"

namespace usher::provider {

RateLimitedProvider::RateLimitedProvider(Provider& inner, limits::RateWindows& windows,
                                         std::vector<limits::RateKey> keys)
    : ProviderWrapper(inner), windows_(windows), keys_(std::move(keys)) {}

Task<Result<Completion>> RateLimitedProvider::complete(const Request& request, const TextSink& sink,
                                                       Deadline deadline) {
  // A call that cannot be made is not counted.
  if (request.messages.empty()) co_return fail(ErrorKind::invalid, "a model call needs at least one message");
  if (deadline.has_passed()) co_return fail(ErrorKind::timeout, "the deadline passed before the model was asked");
  if (!keys_.empty()) {
    Result<void> admitted = co_await windows_.admit(keys_);
    if (!admitted) co_return fail(std::move(admitted.error()));
  }
  Result<Completion> completion = co_await inner().complete(request, sink, deadline);
  co_return completion;
}

}  // namespace usher::provider
