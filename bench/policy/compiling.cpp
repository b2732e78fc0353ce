#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "policy/matcher.h"
#include "policy/policy.h"
#include "sections.h"

namespace usher::bench {

namespace {

constexpr std::array<std::size_t, 3> sizes = {100, 1000, 10'000};

std::vector<std::string> titles() {
  std::vector<std::string> texts;
  for (std::size_t size : sizes) texts.push_back(std::to_string(size));
  return texts;
}

// A single compilation may take as long as a round.
Effort effort_of(const Setting& setting) { return setting.is_quick ? Effort{1, 0, 0.1} : Effort{7, 0, 1.5}; }

struct HostileTexts {
  HostileTexts(Generator& generator, std::size_t count, std::size_t bytes_each, bool may_be_matched) {
    for (std::size_t i = 0; i < count; ++i) texts.push_back(generator.hostile_text(bytes_each, may_be_matched));
  }
  void ask(const policy::Matcher& matcher) const {
    std::size_t sum = 0;
    for (const std::string& text : texts) sum += static_cast<std::size_t>(matcher.match(text).allowed);
    keep(sum);
  }
  bool agree(const policy::Matcher& one, const policy::Matcher& other) const {
    return std::ranges::all_of(texts, [&](const std::string& text) { return one.match(text) == other.match(text); });
  }

  std::vector<std::string> texts;
};

// One number of hostile patterns in one dimension.
struct HostilePoint {
  HostilePoint(const Setting& setting, std::size_t size) : generator(setting.seed + size) {
    allowed = generator.hostile_patterns(size);
    denied.assign(allowed.begin(), allowed.begin() + 20);
    allowed.erase(allowed.begin(), allowed.begin() + 20);
  }

  Generator generator;
  std::vector<std::string> denied, allowed;
};

// The rows that one set of texts gives, a cell a number of patterns; of a text or, of long ones, of a byte.
struct HostileRows {
  std::string name;
  std::size_t count, bytes;
  bool may_be_matched;
  std::vector<std::string> own = {}, first = {}, linear = {};

  // Whether the two matchers agreed.
  bool add(const Setting& setting, HostilePoint& point) {
    HostileTexts texts(point.generator, count, bytes, may_be_matched);
    auto fitting = policy::make_matcher(point.denied, point.allowed);
    auto one_by_one = policy::make_linear_matcher(point.denied, point.allowed);
    double operations = static_cast<double>(bytes > 1000 ? count * bytes : count);
    auto ask = [&](const policy::Matcher& asked) { return [&] { texts.ask(asked); }; };
    first.push_back(in_ns(measure({1, 0, 0}, operations, ask(*fitting))));
    own.push_back(in_ns(measure(setting.effort(), operations, ask(*fitting))));
    linear.push_back(in_ns(measure(setting.effort(), operations, ask(*one_by_one))));
    return texts.agree(*fitting, *one_by_one);
  }
  void add_to(Table& table) const {
    table.add(name, own);
    table.add("  its first pass over the texts", first);
    table.add("  own linear matcher", linear);
  }
};

}  // namespace

void measure_compiling(const Setting& setting, Report& report) {
  Effort effort = effort_of(setting);
  std::vector<std::string> whole, actions, resources;
  for (std::size_t size : sizes) {
    policy::PolicyDocument document = Generator(setting.seed + size).policy(size);
    Timing timing = measure(effort, 1, [&] { keep(policy::Policy::compile(document).has_value()); });
    whole.push_back(in_ms(timing));
    actions.push_back(in_ms(measure(
        effort, 1, [&] { keep(policy::make_matcher(document.denied_actions, document.allowed_actions) != nullptr); })));
    resources.push_back(in_ms(measure(effort, 1, [&] {
      keep(policy::make_matcher(document.denied_resources, document.allowed_resources) != nullptr);
    })));
    if (size == 1000)
      report.goals.push_back({"Policy::compile, 1000 patterns in each dimension, ms", timing.ns / 1e6, 250});
  }
  Table table("ms to compile; patterns in each dimension:", titles());
  table.add("Policy::compile, both dimensions", whole);
  table.add("matcher of actions alone", actions);
  table.add("matcher of resources alone", resources);
  table.print();
}

void measure_hostile(const Setting& setting, Report& report) {
  Table table("hostile patterns (*ab*mn*), one dimension:", titles());
  std::vector<std::string> making;
  std::array rows = {HostileRows{"32 bytes, none matches, ns a text", 256, 32, false},
                     HostileRows{"32 bytes, some match, ns a text", 256, 32, true},
                     HostileRows{"4096 bytes, none matches, ns a byte", 4, 4096, false}};
  for (std::size_t size : sizes) {
    HostilePoint point(setting, size);
    making.push_back(in_ms(
        measure(effort_of(setting), 1, [&] { keep(policy::make_matcher(point.denied, point.allowed) != nullptr); })));
    for (HostileRows& row : rows) {
      if (row.add(setting, point)) continue;
      report.failures.push_back(fmt::format("{} hostile patterns, {}: the linear matcher differs", size, row.name));
    }
  }
  table.add("making the matcher, ms", making);
  for (const HostileRows& row : rows) row.add_to(table);
  table.print();
}

}  // namespace usher::bench
