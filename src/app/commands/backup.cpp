#include "app/commands/backup.h"

#include <fmt/format.h>
#include <unistd.h>

#include <optional>

#include "app/exit_status.h"
#include "app/operator/operator.h"
#include "app/restore/restore.h"
#include "base/clock.h"

namespace usher::app {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kLookAgain{100};
constexpr std::chrono::seconds kTellAgain{2};  // where no terminal shows a line that changes

int complain(std::string_view message) {
  fmt::print(stderr, "usher: {}\n", message);
  return kError;
}

// "12 files, 3.4 MB"
std::string amount(std::int64_t files, std::int64_t bytes) {
  return fmt::format("{} file{}, {:.1f} MB", files, files == 1 ? "" : "s", static_cast<double>(bytes) / 1e6);
}

// One line that changes on a terminal; elsewhere a line now and then.
class Progress {
 public:
  void tell(std::string_view step, const std::string& how_much) {
    const auto now = std::chrono::steady_clock::now();
    if (!is_terminal_ && now < next_) return;
    next_ = now + kTellAgain;
    fmt::print(stderr, "{}{}: {}{}", is_terminal_ ? "\r\x1b[K" : "", step, how_much, is_terminal_ ? "" : "\n");
    is_open_ = is_terminal_;
  }
  ~Progress() {
    if (is_open_) fmt::print(stderr, "\n");
  }

 private:
  const bool is_terminal_ = ::isatty(STDERR_FILENO) == 1;
  bool is_open_ = false;
  std::chrono::steady_clock::time_point next_ = std::chrono::steady_clock::now() + kTellAgain;
};

std::int64_t number(const json::object& in, std::string_view name) {
  const json::value value(in);
  return integer_at(&value, name).value_or(0);
}
std::string text(const json::object& in, std::string_view name) {
  const json::value value(in);
  return std::string(string_at(&value, name).value_or(""));
}

// Asks until it is over; the last answer.
Result<json::object> await_end(Operator& gateway) {
  Progress progress;
  for (;;) {
    Result<OperatorAnswer> answer = gateway.ask("GET", "/backup");
    if (!answer) return fail(std::move(answer.error()));
    if (!answer->is_fine()) return fail(ErrorKind::internal, answer->detail());
    if (text(answer->body, "state") != "running") return std::move(answer->body);
    progress.tell(text(answer->body, "step"), amount(number(answer->body, "files"), number(answer->body, "bytes")));
    gateway.wait(kLookAgain);
  }
}

}  // namespace

int make_backup(std::shared_ptr<const config::Config> config, const fs::path& directory, bool as_json) {
  std::error_code error;
  const fs::path absolute = fs::absolute(directory, error);
  Result<std::unique_ptr<Operator>> gateway = reach_operator(std::move(config));
  if (!gateway) return complain(gateway.error().message);
  const Result<OperatorAnswer> started = (*gateway)->ask("POST", "/backup", {{"directory", absolute.native()}});
  if (!started) return complain(started.error().message);
  if (!started->is_fine()) return complain(started->detail());
  const Result<json::object> ended = await_end(**gateway);
  if (!ended) return complain(fmt::format("{}; {} is incomplete", ended.error().message, absolute.native()));
  if (text(*ended, "state") != "done") {
    return complain(fmt::format("{}; {} is incomplete", text(*ended, "detail"), absolute.native()));
  }
  if (as_json) {
    fmt::print("{}\n", json::serialize(*ended));
    return kFine;
  }
  fmt::print("{}: {} files; everything stood still for {:.1f} ms\n", text(*ended, "directory"), number(*ended, "files"),
             static_cast<double>(number(*ended, "held_us")) / 1000);
  if (fs::exists(absolute / "ledger.key", error)) {
    fmt::print(stderr,
               "usher: the backup holds ledger.key: who has it can sign a ledger; keep it as you keep the key\n");
  }
  return kFine;
}

int restore_backup(const config::Config& config, const RestoreOptions& options) {
  Progress progress;
  const auto tell = [&](std::int64_t files, std::int64_t bytes) { progress.tell("restoring", amount(files, bytes)); };
  const Result<Restored> restored = restore({.backup = options.directory,
                                             .config = config,
                                             .by_force = options.by_force,
                                             .accepts_lost_rows = options.accepts_lost_rows,
                                             .now = SystemClock().wall()},
                                            tell);
  if (!restored) return complain(restored.error().message);
  const fs::path &old_data = restored->moved_to, &old_checkpoints = restored->checkpoints_moved_to;
  if (!restored->unsigned_why.empty()) {
    fmt::print(stderr, "usher: the restored ledger is not signed yet; the next start does it: {}\n",
               restored->unsigned_why);
  }
  if (options.as_json) {
    const auto or_null = [](const fs::path& path) { return path.empty() ? json::value() : json::value(path.native()); };
    json::object out{{"data_dir", config.gateway.data_dir.native()},
                     {"made_at", restored->made_at},
                     {"files", restored->files},
                     {"moved_to", or_null(old_data)},
                     {"checkpoints_moved_to", or_null(old_checkpoints)}};
    fmt::print("{}\n", json::serialize(out));
    return kFine;
  }
  fmt::print("{} is as it was at {}: {} files\n", config.gateway.data_dir.native(), restored->made_at, restored->files);
  if (!old_data.empty()) fmt::print("what was there is now {}\n", old_data.native());
  if (!old_checkpoints.empty()) fmt::print("the checkpoints of lost rows are now {}\n", old_checkpoints.native());
  return kFine;
}

}  // namespace usher::app
