// The problems found while a file is read, and the small vocabulary of their sentences.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/load.h"

namespace usher::config {

class Problems {
 public:
  void error(const Source& source, std::string message) { found_.push_back({source, false, std::move(message)}); }
  void warning(const Source& source, std::string message) { found_.push_back({source, true, std::move(message)}); }

  bool has_error() const;
  // In file order, each once.
  std::vector<Problem> take();

 private:
  std::vector<Problem> found_;
};

// 'text', shortened and without control characters.
std::string quote(std::string_view text);
// "; did you mean 'x'?" where a candidate is near, else "".
std::string suggestion(std::string_view word, const std::vector<std::string>& candidates);

// The keys of a map: candidates of a suggestion.
template <class Map>
std::vector<std::string> names_of(const Map& map) {
  std::vector<std::string> names;
  for (const auto& [name, value] : map) names.push_back(name);
  return names;
}

}  // namespace usher::config
