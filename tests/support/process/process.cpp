#include "support/process/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

extern char** environ;

namespace usher::testing {

namespace {

[[noreturn]] void throw_errno(const std::string& what, int number) {
  throw std::system_error(number, std::generic_category(), what);
}

struct Pipe {
  int read_end = -1, write_end = -1;
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw_errno("pipe2", errno);
    read_end = ends[0];
    write_end = ends[1];
  }
};

void close_descriptor(int& descriptor) {
  if (descriptor >= 0) ::close(descriptor);
  descriptor = -1;
}

// "NAME=value" texts: ours, then those that win over them.
std::vector<std::string> environment_with(const std::map<std::string, std::string>& added) {
  std::vector<std::string> entries;
  for (char** entry = environ; *entry; ++entry) {
    std::string text = *entry;
    if (!added.contains(text.substr(0, text.find('=')))) entries.push_back(std::move(text));
  }
  for (const auto& [name, value] : added) entries.push_back(name + "=" + value);
  return entries;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Names the process itself and not its number, which another may have once it was reaped. glibc 2.36 declares
// pidfd_open and pidfd_send_signal without C linkage, so they cannot be called from here.
int open_handle(pid_t pid) {
  const int handle = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (handle < 0) throw_errno("pidfd_open", errno);
  return handle;
}

pid_t spawn(const ProcessOptions& options, int input, int output, int errors) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_adddup2(&actions, errors, 2);
  if (!options.directory.empty()) posix_spawn_file_actions_addchdir_np(&actions, options.directory.c_str());
  std::vector<std::string> command = options.command, environment = environment_with(options.environment);
  pid_t pid = -1;
  int failure = ::posix_spawnp(&pid, command.at(0).c_str(), &actions, nullptr, pointers_to(command).data(),
                               pointers_to(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) throw_errno("cannot start " + command[0], failure);
  return pid;
}

}  // namespace

struct Process::State {
  pid_t pid = -1;
  int handle = -1;  // a pidfd
  int input = -1;
  std::optional<int> status;

  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  std::string output, errors;
  int open_streams = 2;
  std::size_t news = 0;  // counts pieces and ends
  std::thread output_reader, error_reader;

  void read_all(int descriptor, std::string& into) {
    char piece[65536];
    while (true) {
      ssize_t size = ::read(descriptor, piece, sizeof piece);
      if (size < 0 && errno == EINTR) continue;
      std::lock_guard lock(mutex);
      ++news;
      if (size > 0) into.append(piece, static_cast<std::size_t>(size));
      if (size <= 0) --open_streams;
      changed.notify_all();
      if (size <= 0) break;
    }
    ::close(descriptor);
  }

  bool wait_for_end(std::chrono::milliseconds timeout) {
    if (status) return true;
    pollfd poll_descriptor{handle, POLLIN, 0};
    if (::poll(&poll_descriptor, 1, static_cast<int>(timeout.count())) <= 0) return false;
    int raw = 0;
    if (::waitpid(pid, &raw, 0) != pid) throw_errno("waitpid", errno);
    status = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
    if (output_reader.joinable()) output_reader.join();
    if (error_reader.joinable()) error_reader.join();
    return true;
  }
};

Process::Process(const ProcessOptions& options) : state_(std::make_unique<State>()) {
  ::signal(SIGPIPE, SIG_IGN);  // writing to a program that has ended is an error, not our end
  Pipe input, output, errors;
  state_->pid = spawn(options, input.read_end, output.write_end, errors.write_end);
  state_->handle = open_handle(state_->pid);
  close_descriptor(input.read_end);
  close_descriptor(output.write_end);
  close_descriptor(errors.write_end);
  state_->input = input.write_end;
  State* state = state_.get();
  state->output_reader = std::thread([state, end = output.read_end] { state->read_all(end, state->output); });
  state->error_reader = std::thread([state, end = errors.read_end] { state->read_all(end, state->errors); });
}

Process::~Process() {
  close_input();
  if (!state_->status) signal(SIGKILL);
  state_->wait_for_end(std::chrono::minutes(1));
  ::close(state_->handle);
}

pid_t Process::pid() const { return state_->pid; }

void Process::signal(int number) { ::syscall(SYS_pidfd_send_signal, state_->handle, number, nullptr, 0); }

void Process::write(const std::string& text) {
  std::size_t written = 0;
  while (written < text.size()) {
    ssize_t size = ::write(state_->input, text.data() + written, text.size() - written);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return;  // it does not read any more; the test sees that from its output
    written += static_cast<std::size_t>(size);
  }
}

void Process::close_input() { close_descriptor(state_->input); }

std::string Process::output() const {
  std::lock_guard lock(state_->mutex);
  return state_->output;
}

std::string Process::errors() const {
  std::lock_guard lock(state_->mutex);
  return state_->errors;
}

bool Process::wait_until(const std::function<bool()>& done, std::chrono::milliseconds timeout) const {
  auto end = std::chrono::steady_clock::now() + timeout;
  while (true) {
    std::size_t seen;
    bool has_ended;
    {
      std::lock_guard lock(state_->mutex);
      seen = state_->news;
      has_ended = state_->open_streams == 0;
    }
    if (done()) return true;
    if (has_ended) return false;
    std::unique_lock lock(state_->mutex);
    if (!state_->changed.wait_until(lock, end, [&] { return state_->news != seen; })) return false;
  }
}

std::optional<int> Process::wait(std::chrono::milliseconds timeout) {
  state_->wait_for_end(timeout);
  return state_->status;
}

ProcessResult run_process(const ProcessOptions& options, const std::string& input, std::chrono::milliseconds timeout) {
  Process process(options);
  process.write(input);
  process.close_input();
  std::optional<int> status = process.wait(timeout);
  return ProcessResult{status.value_or(-1), process.output(), process.errors()};
}

}  // namespace usher::testing
