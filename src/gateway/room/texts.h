// The sentences usher itself says to people, each with a name, overridable per workspace in messages.toml. `{name}` in
// a sentence is replaced by what the caller gives; an unknown placeholder stays as it is. Immutable; cheap to share.
#pragma once

#include <chrono>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace usher::gateway {

class Texts {
 public:
  Texts() = default;
  explicit Texts(std::map<std::string, std::string> overrides) : overrides_(std::move(overrides)) {}

  using Values = std::initializer_list<std::pair<std::string_view, std::string_view>>;
  // `name` is one of names(); the override where there is one, else the built-in sentence.
  std::string say(std::string_view name, Values values = {}) const;

  static std::vector<std::string> names();

 private:
  std::map<std::string, std::string> overrides_;
};

// "42 seconds", "3 minutes", "5 hours": rounded up, for people.
std::string in_words(std::chrono::milliseconds duration);

}  // namespace usher::gateway
