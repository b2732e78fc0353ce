// zlib-stream: one deflate stream a connection, each message of which ends with an empty block (00 00 FF FF). One
// object a connection; any thread, one at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace usher::discord {

class Inflater {
 public:
  explicit Inflater(std::size_t max_message_bytes = 8u << 20);
  ~Inflater();
  Inflater(Inflater&&) noexcept;
  Inflater& operator=(Inflater&&) noexcept;

  // Takes the next bytes, cut anywhere; answers the message once its end has come. Fails with protocol for what is no
  // such stream and with limit for a message that is too long; the object is of no use then.
  Result<std::optional<std::string>> append(std::string_view bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace usher::discord
