// One zlib stream, as `compress=zlib-stream` means it: a single context for all frames of a connection, each frame
// flushed so that it ends with 00 00 FF FF.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace usher::testing {

class DeflateStream {
 public:
  DeflateStream();
  ~DeflateStream();
  std::string compress(std::string_view frame);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace usher::testing
