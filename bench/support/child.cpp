#include "child.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

extern char** environ;

namespace usher::bench {

namespace {

int status_of(int raw) { return WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw); }

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Child::Child(const std::vector<std::string>& command, const std::map<std::string, std::string>& environment,
             const std::string& log_file) {
  std::vector<std::string> arguments = command, variables;
  for (char** entry = environ; *entry; ++entry) variables.emplace_back(*entry);
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  int failure = ::posix_spawnp(&pid_, arguments.at(0).c_str(), &actions, nullptr, pointers_to(arguments).data(),
                               pointers_to(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) throw std::system_error(failure, std::generic_category(), "cannot start " + command[0]);
}

Child::~Child() {
  if (!is_running()) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool Child::is_running() {
  if (status_) return false;
  int raw = 0;
  if (::waitpid(pid_, &raw, WNOHANG) == pid_) status_ = status_of(raw);
  return !status_;
}

int Child::stop() {
  if (!is_running()) return *status_;
  ::kill(pid_, SIGTERM);
  return wait();
}

int Child::wait() {
  if (status_) return *status_;
  int raw = 0;
  ::waitpid(pid_, &raw, 0);
  status_ = status_of(raw);
  return *status_;
}

double Child::resident_megabytes() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/statm");
  double total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1024.0 * 1024.0);
}

double Child::cpu_microseconds() const {
  double nanoseconds = 0;
  std::error_code ignored;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/task", ignored)) {
    std::ifstream file(task.path() / "schedstat");
    double on_cpu = 0;
    if (file >> on_cpu) nanoseconds += on_cpu;
  }
  return nanoseconds / 1000.0;
}

}  // namespace usher::bench
