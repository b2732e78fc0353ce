#include "generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_set>

#include "scan.h"

namespace usher::bench {

namespace {

using policy::PolicyDocument;
using policy::Rule;
using namespace std::string_view_literals;

constexpr std::array domains = {"crm"sv,    "file"sv,   "mail"sv, "billing"sv, "shop"sv,      "calendar"sv,
                                "ticket"sv, "deploy"sv, "wiki"sv, "chat"sv,    "warehouse"sv, "survey"sv};
constexpr std::array operations = {"read"sv,   "write"sv, "list"sv,    "delete"sv, "export"sv,
                                   "import"sv, "send"sv,  "approve"sv, "search"sv, "update"sv};
constexpr std::array things = {"report"sv, "notes"sv,   "invoice"sv,  "customer"sv, "order"sv,   "message"sv,
                               "event"sv,  "payment"sv, "contract"sv, "address"sv,  "product"sv, "comment"sv};
constexpr std::array areas = {"internal"sv, "public"sv, "archive"sv, "finance"sv, "staging"sv, "legal"sv};
constexpr std::array endings = {"secret"sv, "key"sv, "backup"sv, "private"sv};
constexpr std::array sets = {"[rw]"sv, "[il]"sv, "[a-e]"sv};

// `make` until there are `count` different ones.
template <class Make>
std::vector<std::string> distinct(std::size_t count, Make make) {
  std::vector<std::string> made;
  std::unordered_set<std::string> seen;
  while (made.size() < count) {
    std::string pattern = make();
    if (seen.insert(pattern).second) made.push_back(std::move(pattern));
  }
  return made;
}

// The first fifth denies.
void divide(std::vector<std::string> patterns, std::vector<std::string>& denied, std::vector<std::string>& allowed) {
  auto end = patterns.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(1, patterns.size() / 5));
  denied.assign(patterns.begin(), end);
  allowed.assign(end, patterns.end());
}

}  // namespace

std::string Generator::domain(std::size_t breadth) { return fmt::format("{}{}", one_of(domains), below(breadth)); }

std::string Generator::thing() {
  if (below(4) == 0) return fmt::format("{}.{}", one_of(things), below(100));
  return fmt::format("{}_{}", one_of(things), below(100));
}

std::string Generator::action_pattern(std::size_t breadth) {
  std::size_t kind = below(100);
  if (kind < 45) return fmt::format("{}:{}:{}", domain(breadth), one_of(operations), thing());
  if (kind < 50) return fmt::format("{}:{}:{}_*", domain(breadth), one_of(operations), one_of(things));
  if (kind < 80) return fmt::format("{}:{}:*", domain(breadth), one_of(operations));
  if (kind < 90) return fmt::format("*:{}:{}*", one_of(operations), thing());
  return fmt::format("{}:{}*:{}.*", domain(breadth), one_of(sets), one_of(things));
}

std::string Generator::resource_pattern(std::size_t breadth) {
  std::size_t kind = below(100);
  if (kind < 30) return fmt::format("{}_{}", one_of(things), below(100 * breadth));
  if (kind < 45) return fmt::format("files/team{}/{}_{}.txt", below(10 * breadth), one_of(things), below(100));
  if (kind < 65) return fmt::format("files/team{}/*", below(20 * breadth));
  if (kind < 80) return fmt::format("{}_{}*", one_of(areas), below(40 * breadth));
  if (kind < 90) return fmt::format("*.{}{}", one_of(endings), below(30 * breadth));
  return fmt::format("doc_[0-9]*_draft{}", below(100 * breadth));
}

PolicyDocument Generator::policy(std::size_t patterns) {
  std::size_t breadth = 1 + patterns / 50;
  PolicyDocument document{.max_sensitivity_level = 3};
  divide(distinct(patterns, [&] { return action_pattern(breadth); }), document.denied_actions,
         document.allowed_actions);
  divide(distinct(patterns, [&] { return resource_pattern(breadth); }), document.denied_resources,
         document.allowed_resources);
  return document;
}

std::string Generator::instance_of(std::string_view glob) {
  std::string text;
  for (std::size_t at = 0; at < glob.size(); ++at) {
    if (glob[at] == '[') {
      text += glob[at + 1 + below(2) * (glob[at + 2] == '-' ? 2 : 1)];
      at = glob.find(']', at);
    } else if (glob[at] != '*') {
      text += glob[at];
    } else if (at == 0) {
      text += domain(10);
    } else {
      text += fmt::format("{}{}", one_of(things), below(100));
    }
  }
  return text;
}

TestRequest Generator::request_of(const PolicyDocument& document, Rule wanted) {
  std::size_t breadth = 1 + document.allowed_actions.size() / 40;
  FnmatchScan scan(document);
  TestRequest request;
  for (int attempt = 0; attempt < 100; ++attempt) {
    request.action = wanted == Rule::denied_actions    ? instance_of(one_of(document.denied_actions))
                     : wanted == Rule::allowed_actions ? instance_of(action_pattern(breadth))
                                                       : instance_of(one_of(document.allowed_actions));
    request.resource = wanted == Rule::denied_resources    ? instance_of(one_of(document.denied_resources))
                       : wanted == Rule::allowed_resources ? instance_of(resource_pattern(breadth))
                                                           : instance_of(one_of(document.allowed_resources));
    request.sensitivity = static_cast<int>(below(4));
    if (scan.judge(request) == wanted) break;
  }
  return request;
}

std::vector<TestRequest> Generator::requests(const PolicyDocument& document, std::size_t count) {
  std::array wanted = {Rule::allowed,        Rule::allowed,          Rule::allowed,         Rule::allowed,
                       Rule::denied_actions, Rule::denied_resources, Rule::allowed_actions, Rule::allowed_resources};
  std::vector<TestRequest> made;
  while (made.size() < count) {
    for (std::size_t i = wanted.size(); i > 1; --i) std::swap(wanted[i - 1], wanted[below(i)]);
    for (Rule rule : wanted) made.push_back(request_of(document, rule));
  }
  made.resize(count);
  return made;
}

PolicyDocument Generator::narrowed(const PolicyDocument& parent) {
  PolicyDocument child = parent;
  auto narrow = [&](std::vector<std::string>& allowed) {
    std::vector<std::string> kept;
    for (const std::string& pattern : allowed) {
      std::size_t choice = below(10);
      if (choice == 0 && !kept.empty()) continue;
      bool is_open = choice < 4 && pattern.ends_with('*');
      std::string_view head(pattern.data(), pattern.size() - 1);
      kept.push_back(is_open ? fmt::format("{}{}_*", head, one_of(things)) : pattern);
    }
    allowed = std::move(kept);
  };
  narrow(child.allowed_actions);
  narrow(child.allowed_resources);
  child.denied_actions.push_back(fmt::format("*:{}:*", one_of(operations)));
  child.denied_resources.push_back(fmt::format("*.{}*", one_of(endings)));
  child.max_sensitivity_level = 2;
  return child;
}

std::vector<std::string> Generator::hostile_patterns(std::size_t count) {
  auto letter = [&](char first, std::size_t letters) { return static_cast<char>(first + below(letters)); };
  return distinct(count, [&] {
    char a = letter('a', 12), b = letter('a', 12), m = letter('m', 12), n = letter('a', 24);
    return fmt::format("*{}{}*{}{}*", a, b, m, n);
  });
}

std::string Generator::hostile_text(std::size_t bytes, bool may_be_matched) {
  std::string text(bytes, 'a');
  for (char& c : text) c = static_cast<char>('a' + below(may_be_matched ? 24 : 12));
  return text;
}

}  // namespace usher::bench
