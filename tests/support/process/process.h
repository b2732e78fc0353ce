// Runs a real program beside a test: its streams are pipes, its end is awaited with a timeout, and it is killed when
// the test is over. signal() and the texts may be asked for from any thread, also once it has ended (a signal then does
// nothing); wait() from one. Readers of the pipes are threads of their own.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace usher::testing {

struct ProcessOptions {
  std::vector<std::string> command;                // program (looked up in PATH) and arguments
  std::map<std::string, std::string> environment;  // added to ours, winning over it
  std::filesystem::path directory;                 // "" = ours
};

class Process {
 public:
  explicit Process(const ProcessOptions& options);  // throws when it cannot be started
  ~Process();                                       // kills and reaps what still runs

  pid_t pid() const;
  void signal(int number);
  void write(const std::string& text);  // to its standard input
  void close_input();

  std::string output() const;  // standard output so far
  std::string errors() const;  // standard error so far
  // Waits until `done` holds, asked after every piece of output or error and at the end of the program.
  bool wait_until(const std::function<bool()>& done, std::chrono::milliseconds timeout) const;
  // The exit status, or 128 + the signal's number; nullopt when it still runs after `timeout`. Both streams are
  // complete once it returned a status.
  std::optional<int> wait(std::chrono::milliseconds timeout);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct ProcessResult {
  int status = -1;
  std::string output, errors;
};
// Starts, feeds `input`, waits. A program that does not end in time is killed and has status -1.
ProcessResult run_process(const ProcessOptions& options, const std::string& input = "",
                          std::chrono::milliseconds timeout = std::chrono::seconds(30));

}  // namespace usher::testing
