// The measured program and what the kernel says about it.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace usher::bench {

class Child {
 public:
  // Standard output and error go to `log_file`.
  Child(const std::vector<std::string>& command, const std::map<std::string, std::string>& environment,
        const std::string& log_file);
  ~Child();  // SIGKILL when it still runs
  Child(const Child&) = delete;

  bool is_running();
  // Until it ends by itself; the exit status, or 128 + the signal that ended it.
  int wait();
  // SIGTERM, then waits; the exit status.
  int stop();

  double resident_megabytes() const;
  // Of all its threads together, user and system, since its start.
  double cpu_microseconds() const;

 private:
  pid_t pid_;
  std::optional<int> status_;
};

}  // namespace usher::bench
