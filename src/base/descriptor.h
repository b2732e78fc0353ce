// A file descriptor that closes itself, and what is common to reading files.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace usher {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }

  explicit operator bool() const { return number_ >= 0; }
  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_ = -1;
};

// "cannot <what> '<name>': <reason>" with the kind that fits `error` (an errno value). A symlink or a border that was
// not crossed is denied.
Error file_error(int error, std::string_view what, std::string_view name);

// The whole file behind an open descriptor, which must be a regular file of at most max_bytes.
Result<std::string> read_regular(int descriptor, std::string_view name, std::size_t max_bytes);

// Writes all of `bytes`; returns 0 or an errno value.
int write_all(int descriptor, std::string_view bytes);

}  // namespace usher
