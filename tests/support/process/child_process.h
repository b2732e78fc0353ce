// A forked child that does something with a database and is then killed with SIGKILL or waited for. Fork before any
// thread and without an open database: SQLite's connections must not cross a fork.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

namespace usher::testing {

class ChildProcess {
 public:
  // Runs `work` in the child; it succeeded when it returned true. With `stays`, the child then waits to be killed.
  template <class F>
  explicit ChildProcess(F work, bool stays = false) {
    if (::pipe(pipe_) != 0) std::abort();
    process_ = ::fork();
    if (process_ != 0) {
      ::close(pipe_[1]);
      return;
    }
    const bool is_fine = work();
    const char answer = is_fine ? 'y' : 'n';
    if (::write(pipe_[1], &answer, 1) != 1) ::_exit(2);
    while (stays) ::pause();
    ::_exit(0);
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess() {
    if (process_ > 0) {
      kill();
    }
    ::close(pipe_[0]);
  }

  // Waits until the work is done; true when it succeeded.
  bool succeeded() {
    char answer = 'n';
    return ::read(pipe_[0], &answer, 1) == 1 && answer == 'y';
  }
  void kill() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = -1;
  }

 private:
  int pipe_[2] = {-1, -1};
  ::pid_t process_ = -1;
};

}  // namespace usher::testing
