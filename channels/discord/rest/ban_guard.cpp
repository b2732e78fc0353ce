#include "channels/discord/rest/ban_guard.h"

#include <algorithm>

namespace usher::discord {
namespace {

constexpr std::chrono::seconds kSlice{10};

std::int64_t slice_of(RestTime time) { return time.time_since_epoch() / kSlice; }

}  // namespace

bool BanGuard::note(RestTime now) {
  const std::int64_t current = slice_of(now);
  Slice& slice = slices_[static_cast<std::size_t>(current) % slices_.size()];
  if (slice.number != current) slice = {current, 0};
  ++slice.count;
  const std::size_t all = count(now);
  return all == kWorrying || all == kTooMany;
}

std::size_t BanGuard::count(RestTime now) const {
  const std::int64_t oldest = slice_of(now) - static_cast<std::int64_t>(slices_.size()) + 1;
  std::size_t all = 0;
  for (const Slice& slice : slices_) all += slice.number >= oldest ? slice.count : 0;
  return all;
}

std::chrono::milliseconds BanGuard::wait(RestTime now) const {
  const std::int64_t current = slice_of(now), size = static_cast<std::int64_t>(slices_.size());
  // The oldest slices leave the count one by one until it is low enough.
  std::size_t left = count(now);
  std::int64_t oldest = current - size + 1;
  for (; left >= kTooMany && oldest <= current; ++oldest) {
    const Slice& slice = slices_[static_cast<std::size_t>(oldest) % slices_.size()];
    if (slice.number == oldest) left -= slice.count;
  }
  const std::int64_t over = oldest - (current - size + 1);
  if (over == 0) return std::chrono::milliseconds(0);
  const RestTime end = RestTime(kSlice * (current + over));
  return std::chrono::ceil<std::chrono::milliseconds>(end - now);
}

}  // namespace usher::discord
