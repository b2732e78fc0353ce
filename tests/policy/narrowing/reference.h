// What the comparison is held against: definitions, tried out on every text of a small universe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "policy/glob.h"
#include "policy/narrowing.h"
#include "policy/pattern.h"

namespace usher::policy {

// A short way to write documents.
inline PolicyDocument policy_of(std::vector<std::string> allowed_actions, std::vector<std::string> denied_actions = {},
                                std::vector<std::string> allowed_resources = {"*"},
                                std::vector<std::string> denied_resources = {}, int level = kMaxSensitivity) {
  return {std::move(allowed_actions), std::move(denied_actions), std::move(allowed_resources),
          std::move(denied_resources), level};
}

inline bool any_matches(const std::vector<std::string>& globs, std::string_view text) {
  for (const std::string& glob : globs) {
    if (glob_matches(glob, text)) return true;
  }
  return false;
}

inline bool grants(const PolicyDocument& document, const Grant& grant) {
  return !any_matches(document.denied_actions, grant.action) && any_matches(document.allowed_actions, grant.action) &&
         !any_matches(document.denied_resources, grant.resource) &&
         any_matches(document.allowed_resources, grant.resource) && grant.sensitivity <= document.max_sensitivity_level;
}

inline bool is_well_formed(std::string_view text) {
  int part = 0;
  bool is_begin = true;
  for (const char c : text) {
    const bool is_letter = c >= 'a' && c <= 'z';
    if (c == ':' && !is_begin && part < 2) {
      ++part;
      is_begin = true;
    } else if (is_letter || (!is_begin && ((c >= '0' && c <= '9') || c == '_' || (c == '.' && part == 2)))) {
      is_begin = false;
    } else {
      return false;
    }
  }
  return part == 2 && !is_begin;
}

// All texts over an alphabet up to a length, and which of them each glob matches.
class Universe {
 public:
  using Members = std::vector<std::uint64_t>;  // one bit for each text

  Universe(std::string_view alphabet, std::size_t max_length) {
    texts_.push_back("");
    for (std::size_t begin = 0, length = 0; length < max_length; ++length) {
      const std::size_t end = texts_.size();
      for (std::size_t i = begin; i < end; ++i) {
        for (const char c : alphabet) texts_.push_back(texts_[i] + c);
      }
      begin = end;
    }
  }

  // Keeps the order by length; what is there already is not added again.
  void add_actions(std::string_view letters, std::size_t max_length) {
    const Universe parts(letters, max_length - 4);  // the two colons and one character of each other part
    for (const std::string& domain : parts.texts_) {
      for (const std::string& operation : parts.texts_) {
        for (const std::string& resource : parts.texts_) {
          std::string text = domain + ":" + operation + ":" + resource;
          if (text.size() <= max_length && is_well_formed(text)) texts_.push_back(std::move(text));
        }
      }
    }
    std::ranges::sort(texts_, [](const std::string& a, const std::string& b) {
      return a.size() != b.size() ? a.size() < b.size() : a < b;
    });
    texts_.erase(std::ranges::unique(texts_).begin(), texts_.end());
  }

  const std::vector<std::string>& texts() const { return texts_; }
  static bool has(const Members& members, std::size_t text) { return (members[text / 64] >> (text % 64) & 1) != 0; }

  const Members& of(const std::string& glob) {
    const auto [at, is_new] = members_.try_emplace(glob);
    if (!is_new) return at->second;
    at->second.resize(words());
    const std::optional<Pattern> pattern = parse_pattern(glob);
    for (std::size_t i = 0; pattern && i < texts_.size(); ++i) {
      if (matches(*pattern, texts_[i])) at->second[i / 64] |= std::uint64_t{1} << (i % 64);
    }
    return at->second;
  }

  Members of(const std::vector<std::string>& globs) {
    Members all(words());
    for (const std::string& glob : globs) {
      const Members& one = of(glob);
      for (std::size_t i = 0; i < all.size(); ++i) all[i] |= one[i];
    }
    return all;
  }

  static Members without(Members a, const Members& b) {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] &= ~b[i];
    return a;
  }

  static Members common(Members a, const Members& b) {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] &= b[i];
    return a;
  }

  static bool is_empty(const Members& members) {
    for (const std::uint64_t word : members) {
      if (word != 0) return false;
    }
    return true;
  }

 private:
  std::size_t words() const { return (texts_.size() + 63) / 64; }

  std::vector<std::string> texts_;
  std::unordered_map<std::string, Members> members_;
};

// USHER_TEST_SEED repeats a run.
inline unsigned test_seed() {
  const char* set = std::getenv("USHER_TEST_SEED");
  return set != nullptr ? static_cast<unsigned>(std::strtoul(set, nullptr, 10)) : std::random_device{}();
}

// Globs put together of a few elements, and documents of them.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }

  std::string glob(const std::vector<std::string>& elements, std::size_t max_length) {
    std::string text;
    for (std::size_t length = below(max_length + 1); length > 0; --length) text += elements[below(elements.size())];
    return text;
  }

  std::vector<std::string> some_of(const std::vector<std::string>& globs, std::size_t max_count) {
    std::vector<std::string> list;
    for (std::size_t count = below(max_count + 1); count > 0; --count) list.push_back(globs[below(globs.size())]);
    return list;
  }

 private:
  std::mt19937 random_;
};

}  // namespace usher::policy
