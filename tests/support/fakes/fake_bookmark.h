// A bookmark in memory.
#pragma once

#include <string>
#include <utility>

#include "channel/channel.h"

namespace usher::testing {

struct FakeBookmark final : channel::Bookmark {
  std::string read() const override { return place; }
  void keep(std::string text) override {
    place = std::move(text);
    ++writes;
  }

  std::string place;
  int writes = 0;
};

}  // namespace usher::testing
