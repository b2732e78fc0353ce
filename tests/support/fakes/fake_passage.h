// A Passage that keeps in memory what happened to it. `refusal` makes leave() fail: then nothing may be sent.
#pragma once

#include <optional>
#include <string>

#include "channel/channel.h"

namespace usher::testing {

class FakePassage final : public channel::Passage {
 public:
  explicit FakePassage(std::size_t parts_arrived = 0) : parts(parts_arrived) {}

  std::size_t parts_arrived() const override { return parts; }
  Task<Result<void>> leave() override {
    if (refusal) co_return fail(*refusal);
    if (!is_leaving) steps += 'l';
    is_leaving = true;
    co_return Result<void>();
  }
  void arrived() override {
    steps += 'a';
    ++parts;
    is_leaving = false;
  }
  void came_back() override {
    if (is_leaving) steps += 'b';
    is_leaving = false;
  }

  std::size_t parts;
  bool is_leaving = false;
  std::string steps;  // l: leaves, a: arrived, b: came back
  std::optional<Error> refusal;
};

}  // namespace usher::testing
