#include "config/reading/problems.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/text.h"

namespace usher::config {

bool Problems::has_error() const {
  return std::ranges::any_of(found_, [](const Problem& problem) { return !problem.is_warning; });
}

std::vector<Problem> Problems::take() {
  const auto order = [](const Problem& problem) {
    return std::tie(problem.source.line, problem.source.column, problem.is_warning, problem.message);
  };
  std::ranges::sort(found_, {}, order);
  const auto is_same = [&](const Problem& a, const Problem& b) { return order(a) == order(b); };
  found_.erase(std::unique(found_.begin(), found_.end(), is_same), found_.end());
  return std::move(found_);
}

std::string quote(std::string_view text) { return fmt::format("'{}'", printable(text, 80)); }

std::string suggestion(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string near = nearest(word, candidates);
  return near.empty() ? "" : fmt::format("; did you mean '{}'?", near);
}

}  // namespace usher::config
