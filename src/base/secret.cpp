#include "base/secret.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace usher {

namespace {

constexpr std::size_t shortest = 6;
constexpr std::string_view replacement = "[redacted]";

struct Span {
  std::size_t begin, end;
};

// Finds all known values in one pass (Wu and Manber): a table over hashed byte pairs tells how far the search may jump,
// so text without a secret costs about one look-up in five bytes. Immutable.
class Matcher {
 public:
  explicit Matcher(std::vector<std::string> values) : values_(std::move(values)) {
    jump_.fill(shortest - 1);
    for (std::size_t v = 0; v < values_.size(); ++v) {
      const std::string& value = values_[v];
      for (std::size_t i = 0; i + 1 < shortest; ++i) {
        std::uint8_t& jump = jump_[slot(value[i], value[i + 1])];
        jump = std::min<std::uint8_t>(jump, static_cast<std::uint8_t>(shortest - 2 - i));
      }
    }
  }

  const std::vector<std::string>& values() const { return values_; }

  // Every occurrence at or after `from`, overlapping ones merged; stops after the first when `only_first`.
  std::vector<Span> find(std::string_view text, bool only_first) const {
    std::vector<Span> found;
    std::size_t at = 0;
    while (at + shortest <= text.size()) {
      std::size_t jump = jump_[slot(text[at + shortest - 2], text[at + shortest - 1])];
      if (jump > 0) {
        at += jump;
        continue;
      }
      std::size_t length = longest_at(text, at);
      if (length > 0) {
        add(found, {at, at + length});
        if (only_first) return found;
      }
      ++at;
    }
    return found;
  }

 private:
  static std::size_t slot(char a, char b) {
    return (static_cast<unsigned char>(a) * 31u + static_cast<unsigned char>(b)) & 4095u;
  }
  std::size_t longest_at(std::string_view text, std::size_t at) const {
    std::size_t longest = 0;
    for (const std::string& value : values_) {
      if (value.size() > longest && text.substr(at).starts_with(value)) longest = value.size();
    }
    return longest;
  }
  static void add(std::vector<Span>& found, Span span) {
    if (!found.empty() && span.begin < found.back().end) {
      found.back().end = std::max(found.back().end, span.end);
    } else {
      found.push_back(span);
    }
  }

  std::vector<std::string> values_;
  std::array<std::uint8_t, 4096> jump_;
};

// The values of all Secrets ever made. Kept until the process ends: an old token may still be in somebody's error text.
class Registry {
 public:
  void add(const std::string& value) {
    if (value.size() < shortest) return;
    std::lock_guard lock(mutex_);
    std::vector<std::string> values;
    if (matcher_) values = matcher_->values();
    if (std::find(values.begin(), values.end(), value) != values.end()) return;
    values.push_back(value);
    matcher_ = std::make_shared<const Matcher>(std::move(values));
  }
  std::shared_ptr<const Matcher> matcher() const {
    std::lock_guard lock(mutex_);
    return matcher_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Matcher> matcher_;
};

// Never destroyed: log lines are written until the very end.
Registry& registry() {
  static Registry& instance = *new Registry;
  return instance;
}

}  // namespace

Secret::Secret(std::string value) : value_(std::move(value)) { registry().add(value_); }

std::string redact(std::string_view text) {
  std::shared_ptr<const Matcher> matcher = registry().matcher();
  if (!matcher) return std::string(text);
  std::string result;
  std::size_t done = 0;
  for (Span span : matcher->find(text, false)) {
    result.append(text.substr(done, span.begin - done)).append(replacement);
    done = span.end;
  }
  result.append(text.substr(done));
  return result;
}

bool holds_secret(std::string_view text) {
  std::shared_ptr<const Matcher> matcher = registry().matcher();
  return matcher && !matcher->find(text, true).empty();
}

}  // namespace usher
