// Timing, the tables that are printed and what a run amounts to.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace usher::bench {

// How much time one figure is worth.
struct Effort {
  int rounds = 7;
  double seconds = 0.05;        // of one round at least
  double seconds_in_all = 2.0;  // past it no further round begins
};

struct Timing {
  double ns = 0;      // an operation; the median of the rounds
  double spread = 0;  // (slowest − fastest round) / median
  std::size_t rounds = 1;
};

Timing timing_of(const std::vector<double>& rounds_ns);
// `pass` does `operations` of them. It is run once unmeasured, unless it takes so long that nothing would be left.
Timing measure(const Effort& effort, double operations, const std::function<void()>& pass);

// "83.1 ±4%"; of a single round "83.1".
std::string in_ns(const Timing& timing);
std::string in_ms(const Timing& timing);
std::string as_ratio(double ratio);

class Table {
 public:
  Table(std::string title, std::vector<std::string> columns);
  void add(std::string name, std::vector<std::string> cells);
  void print() const;

 private:
  struct Row {
    std::string name;
    std::vector<std::string> cells;
  };
  std::string title_;
  std::vector<std::string> columns_;
  std::vector<Row> rows_;
};

// A figure that this version is held to. Printed, never asserted: machines differ.
struct Goal {
  std::string name;
  double measured = 0;
  double bound = 0;
  bool is_at_least = false;  // else at most
};

struct Report {
  std::vector<Goal> goals;
  std::vector<std::string> failures;  // answers that are wrong, on any machine
};

void print_goals(const Report& report);
// Keeps the optimizer from dropping what nobody reads.
void keep(std::size_t value);

}  // namespace usher::bench
