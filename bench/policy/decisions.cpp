#include <fmt/format.h>

#include <array>
#include <map>

#include "policy/matcher.h"
#include "policy/policy.h"
#include "scan.h"
#include "sections.h"

namespace usher::bench {

namespace {

using policy::FirstMatches;
using policy::Matcher;
using policy::PolicyDocument;
using policy::Rule;

constexpr std::array<std::size_t, 4> sizes = {5, 100, 1000, 10'000};
// casbin takes milliseconds a decision where there are many patterns; its share of the requests.
constexpr std::array<std::size_t, 4> casbin_counts = {1024, 256, 64, 16};
constexpr std::array casbin_matchers = {"regexMatch", "globMatch"};

using MakeMatcher = std::unique_ptr<const Matcher>(const std::vector<std::string>&, const std::vector<std::string>&);

// The two dimensions, each by a matcher of the same kind.
struct MatcherPair {
  MatcherPair(const PolicyDocument& document, MakeMatcher make)
      : actions(make(document.denied_actions, document.allowed_actions)),
        resources(make(document.denied_resources, document.allowed_resources)),
        max_sensitivity(document.max_sensitivity_level) {}

  Rule judge(const TestRequest& request) const {
    FirstMatches action = actions->match(request.action);
    if (action.denied != FirstMatches::kNone) return Rule::denied_actions;
    if (action.allowed == FirstMatches::kNone) return Rule::allowed_actions;
    FirstMatches resource = resources->match(request.resource);
    if (resource.denied != FirstMatches::kNone) return Rule::denied_resources;
    if (resource.allowed == FirstMatches::kNone) return Rule::allowed_resources;
    return request.sensitivity > max_sensitivity ? Rule::sensitivity : Rule::allowed;
  }

  std::unique_ptr<const Matcher> actions, resources;
  int max_sensitivity;
};

// One number of patterns: everybody who decides, and the requests.
struct Point {
  Point(const Setting& setting, std::size_t number_of_patterns)
      : patterns(number_of_patterns),
        generator(setting.seed + patterns),
        document(generator.policy(patterns)),
        requests(generator.requests(document, setting.is_quick ? 128 : 1024)),
        scan(document),
        fitting(document, policy::make_matcher),
        linear(document, policy::make_linear_matcher) {}

  std::size_t patterns;
  Generator generator;
  PolicyDocument document;
  std::vector<TestRequest> requests;
  FnmatchScan scan;
  MatcherPair fitting, linear;
};

// The rows of the table while they grow by a column.
struct Columns {
  std::vector<std::string> names;
  std::map<std::string, std::vector<std::string>> cells;
  void add(const std::string& name, std::string cell) {
    if (!cells.contains(name)) names.push_back(name);
    cells[name].push_back(std::move(cell));
  }
};

std::shared_ptr<const policy::Policy> compiled(const PolicyDocument& document) {
  auto result = policy::Policy::compile(document);
  if (!result) throw std::runtime_error("a policy of the benchmark does not compile: " + result.error().message);
  return *result;
}

void check_agreement(const Point& point, Report& report) {
  auto policy = compiled(point.document);
  for (const TestRequest& request : point.requests) {
    policy::Verdict verdict = policy->judge(request.view());
    Rule expected = point.scan.judge(request);
    bool agrees = verdict.rule == expected && verdict.allowed == (expected == Rule::allowed) &&
                  point.fitting.judge(request) == expected && point.linear.judge(request) == expected &&
                  point.fitting.actions->match(request.action) == point.linear.actions->match(request.action) &&
                  point.fitting.resources->match(request.resource) == point.linear.resources->match(request.resource);
    if (!agrees) {
      report.failures.push_back(fmt::format("{} patterns: '{}' on '{}' at {}: judge says {}, fnmatch {}",
                                            point.patterns, request.action, request.resource, request.sensitivity,
                                            policy::to_string(verdict.rule), policy::to_string(expected)));
    }
  }
}

void measure_casbin(const Setting& setting, const Point& point, std::size_t count, double judge_ns, Columns& columns,
                    Report& report) {
  if (!setting.casbin) return;
  count = setting.is_quick ? 8 : count;
  Effort effort = setting.is_quick ? Effort{1, 0.001} : Effort{3, 0.2};
  double fastest_ns = 0;
  for (const char* matcher : casbin_matchers) {
    CasbinAnswer answer = setting.casbin->decide(matcher, point.document, point.requests, count, effort);
    std::string name = fmt::format("casbin {}, {}", answer.version, matcher);
    columns.add(name, in_ns(answer.timing));
    columns.add(fmt::format("  {} / judge", matcher), as_ratio(answer.timing.ns / judge_ns));
    if (fastest_ns == 0 || answer.timing.ns < fastest_ns) fastest_ns = answer.timing.ns;
    for (std::size_t i = 0; i < count; ++i) {
      bool expected = point.scan.judge(point.requests[i]) == Rule::allowed;
      if (answer.allowed.at(i) == expected) continue;
      report.failures.push_back(fmt::format("{} patterns: '{}' on '{}': {} says {}, fnmatch {}", point.patterns,
                                            point.requests[i].action, point.requests[i].resource, name,
                                            !expected ? "allowed" : "denied", expected ? "allowed" : "denied"));
    }
  }
  columns.add("  requests that casbin decided", fmt::format("{} of {}", count, point.requests.size()));
  if (point.patterns == 1000)
    report.goals.push_back({"casbin's faster matcher / judge, 1000 patterns", fastest_ns / judge_ns, 100, true});
}

void add_dimension_goals(const std::map<std::size_t, Timing>& figures, const std::string& dimension, Report& report) {
  double at_1000 = figures.at(1000).ns, at_10000 = figures.at(10'000).ns;
  report.goals.push_back({dimension + " alone, 1000 patterns, ns", at_1000, 100});
  report.goals.push_back({dimension + " alone, 10,000 patterns / 1000 patterns", at_10000 / at_1000, 1});
}

std::string share_of(const Point& point, auto is_meant) {
  double meant = 0;
  for (const TestRequest& request : point.requests) meant += is_meant(point.scan.judge(request)) ? 1 : 0;
  return fmt::format("{:.0f}%", 100 * meant / static_cast<double>(point.requests.size()));
}

// One column: what usher takes, then what others take for the same.
struct Measured {
  Timing judge, actions, resources;
};

Measured measure_point(const Setting& setting, const Point& point, Columns& columns) {
  Effort effort = setting.effort();
  double count = static_cast<double>(point.requests.size());
  auto each = [&](auto decide) {
    return [&point, decide] {
      std::size_t sum = 0;
      for (const TestRequest& request : point.requests) sum += static_cast<std::size_t>(decide(request));
      keep(sum);
    };
  };
  auto policy = compiled(point.document);
  auto judge = each([&](const TestRequest& request) { return policy->judge(request.view()).rule; });
  Timing first = measure({1, 0, 0}, count, judge);
  Measured measured{
      .judge = measure(effort, count, judge),
      .actions = measure(effort, count, each([&](auto& r) { return point.fitting.actions->match(r.action).allowed; })),
      .resources =
          measure(effort, count, each([&](auto& r) { return point.fitting.resources->match(r.resource).allowed; }))};
  Timing linear = measure(effort, count, each([&](auto& request) { return point.linear.judge(request); }));
  Timing scan = measure(effort, count, each([&](auto& request) { return point.scan.judge(request); }));
  columns.add("Policy::judge, both dimensions", in_ns(measured.judge));
  columns.add("  its first pass over the requests", in_ns(first));
  columns.add("actions alone", in_ns(measured.actions));
  columns.add("resources alone", in_ns(measured.resources));
  columns.add("own linear matcher, both dimensions", in_ns(linear));
  columns.add("fnmatch(3), pattern by pattern", in_ns(scan));
  columns.add("  fnmatch(3) / judge", as_ratio(scan.ns / measured.judge.ns));
  return measured;
}

void add_mix(const Point& point, Columns& columns) {
  double actions = 0, resources = 0, count = static_cast<double>(point.requests.size());
  for (const TestRequest& request : point.requests) {
    actions += static_cast<double>(request.action.size());
    resources += static_cast<double>(request.resource.size());
  }
  columns.add("bytes of an action, of a resource (mean)",
              fmt::format("{:.0f}, {:.0f}", actions / count, resources / count));
  columns.add("requests allowed", share_of(point, [](Rule rule) { return rule == Rule::allowed; }));
  columns.add("requests that a deny pattern refuses", share_of(point, [](Rule rule) {
                return rule == Rule::denied_actions || rule == Rule::denied_resources;
              }));
}

}  // namespace

void measure_decisions(const Setting& setting, Report& report) {
  Columns columns;
  std::vector<std::string> titles;
  std::map<std::size_t, Timing> actions, resources;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    Point point(setting, sizes[i]);
    titles.push_back(std::to_string(sizes[i]));
    check_agreement(point, report);
    Measured measured = measure_point(setting, point, columns);
    actions[sizes[i]] = measured.actions;
    resources[sizes[i]] = measured.resources;
    measure_casbin(setting, point, casbin_counts[i], measured.judge.ns, columns, report);
    add_mix(point, columns);
  }
  Table table("ns a decision; patterns in each dimension:", titles);
  for (const std::string& name : columns.names) table.add(name, columns.cells[name]);
  table.print();
  add_dimension_goals(actions, "actions", report);
  add_dimension_goals(resources, "resources", report);
}

}  // namespace usher::bench
