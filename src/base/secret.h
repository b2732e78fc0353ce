// A string that does not print: tokens, keys and passwords travel as Secret, so that no log line, error or format call
// can show one by accident. Every non-empty Secret registers its value with the redactor of the log sink.
#pragma once

#include <string>
#include <string_view>

namespace usher {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value);

  bool empty() const { return value_.empty(); }
  // The only way to the value; call it where the bytes leave for their owner (a header, a URL), nowhere else.
  const std::string& expose() const { return value_; }

  friend bool operator==(const Secret& a, const Secret& b) { return a.value_ == b.value_; }

 private:
  std::string value_;
};

// Replaces every known secret value of 6 characters or more in `text` by "[redacted]". Thread-safe.
std::string redact(std::string_view text);
// True when `text` holds a known secret value.
bool holds_secret(std::string_view text);

}  // namespace usher
