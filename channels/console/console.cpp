#include "channels/console/console.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/text.h"
#include "channels/console/line_reader.h"
#include "channels/console/terminal_text.h"

namespace usher::console {
namespace {

constexpr std::chrono::milliseconds kIntakeRetry{500};
constexpr int kWriteWaitMs = 5000;
constexpr std::size_t kMaxProgress = 1u << 20;

// Writes all of it; gives up when the reader is gone or does not read for a while.
bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      struct pollfd wait{descriptor, POLLOUT, 0};
      if (::poll(&wait, 1, kWriteWaitMs) <= 0) return false;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

class Console final : public channel::Channel {
 public:
  explicit Console(ConsoleOptions options)
      : options_(std::move(options)),
        kind_("console"),
        is_output_terminal_(::isatty(options_.output) == 1),
        shows_prompt_(is_output_terminal_ && ::isatty(options_.input) == 1),
        started_ms_(SystemClock().wall().time_since_epoch().count()) {}

  const std::string& name() const override { return options_.name; }
  const std::string& kind() const override { return kind_; }
  const std::string& tenant() const override { return options_.tenant; }
  std::string health() const override { return health_; }

  Task<void> run(channel::Intake intake) override;
  void stop() override;
  Task<Result<channel::Delivery>> send(const channel::Outgoing& message, channel::Passage& passage, Deadline) override {
    return print(message.text, passage);
  }
  // Nobody minds a line that stands there twice.
  std::chrono::seconds resends_for(const channel::Outgoing&) const override { return kForever; }
  void show_typing(const std::string&, const std::string&) override {}
  void show_progress(const channel::Outgoing&, std::string_view piece) override;
  Task<Result<std::string>> fetch(const channel::Attachment&, std::size_t, Deadline) override {
    co_return fail(ErrorKind::not_found, "the terminal has no attachments");
  }

 private:
  Task<Result<channel::Delivery>> print(std::string text, channel::Passage& passage);
  Task<void> hand_over(const channel::Intake& intake, channel::Incoming message);
  channel::Incoming incoming(std::string text);
  void show_prompt() {
    if (shows_prompt_ && !is_stopped_) write_all(options_.output, options_.prompt);
  }

  ConsoleOptions options_;
  std::string kind_;
  bool is_output_terminal_, shows_prompt_;
  std::int64_t started_ms_;  // with a counter: ids that no earlier run has used
  std::uint64_t lines_ = 0;
  bool is_stopped_ = false;
  std::string health_;
  std::optional<LineReader> reader_;
  std::optional<asio::steady_timer> retry_;
  std::string progress_;   // pieces of the answer that grows, as they came
  std::size_t shown_ = 0;  // bytes of progress_ that are on the terminal
};

Task<void> Console::run(channel::Intake intake) {
  reader_.emplace(options_.input, options_.max_line_bytes);
  retry_.emplace(co_await asio::this_coro::executor);
  show_prompt();
  while (!is_stopped_) {
    Result<std::optional<Line>> line = co_await reader_->next();
    if (!line && line.error().kind != ErrorKind::cancelled) {
      health_ = line.error().message;
      spdlog::warn("{}: {}", options_.name, health_);
    }
    if (!line || !*line) break;
    if ((*line)->is_too_long) {
      write_all(options_.output,
                "This line is too long (" + std::to_string(options_.max_line_bytes) + " bytes at most).\n");
      show_prompt();
      continue;
    }
    if (trim((*line)->text).empty()) {
      show_prompt();
      continue;
    }
    co_await hand_over(intake, incoming(std::move((*line)->text)));
  }
  if (shows_prompt_) write_all(options_.output, "\n");
  reader_.reset();
}

// Offers the line until it is taken: nothing more is read meanwhile.
Task<void> Console::hand_over(const channel::Intake& intake, channel::Incoming message) {
  while (!is_stopped_) {
    std::vector<channel::Incoming> batch{message};
    const Result<channel::TakenIn> taken = co_await intake(std::move(batch));
    if (taken) {
      health_.clear();
      co_return;
    }
    health_ = "the inbox takes nothing in: " + taken.error().message;
    spdlog::warn("{}: {}", options_.name, health_);
    retry_->expires_after(kIntakeRetry);
    co_await retry_->async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

void Console::stop() {
  is_stopped_ = true;
  if (reader_) reader_->cancel();
  if (retry_) retry_->cancel();
}

channel::Incoming Console::incoming(std::string text) {
  channel::Incoming in;
  in.channel = options_.name;
  in.platform_id = std::to_string(started_ms_) + "-" + std::to_string(++lines_);
  in.kind = kind_;
  in.sender_id = options_.sender_id;
  in.display_name = options_.sender_id;
  in.chat = options_.sender_id;
  in.message_id = in.platform_id;
  in.text = repair_utf8(text);
  in.sent_at = SystemClock().wall().time_since_epoch().count() / 1000;
  return in;
}

void Console::show_progress(const channel::Outgoing&, std::string_view piece) {
  if (!is_output_terminal_ || progress_.size() + piece.size() > kMaxProgress) return;
  progress_ += piece;
  const std::string_view fresh = std::string_view(progress_).substr(shown_);
  const std::size_t complete = complete_prefix(fresh);
  write_all(options_.output, for_terminal(fresh.substr(0, complete)));
  shown_ += complete;
}

// What has been shown while it grew is not printed again.
Task<Result<channel::Delivery>> Console::print(std::string text, channel::Passage& passage) {
  const Result<void> left = co_await passage.leave();
  if (!left) co_return fail(left.error());
  const bool is_shown = !progress_.empty() && trim(progress_).ends_with(trim(text)) && shown_ == progress_.size();
  std::string out = is_shown || progress_.empty() ? "" : "\n";
  progress_.clear();
  shown_ = 0;
  if (!is_shown) out += is_output_terminal_ ? for_terminal(text) : text;
  if (out.empty() || out.back() != '\n') out += '\n';
  if (!write_all(options_.output, out)) co_return channel::Delivery::gone;
  passage.arrived();
  show_prompt();
  co_return channel::Delivery::sent;
}

}  // namespace

std::unique_ptr<channel::Channel> make_console(ConsoleOptions options) {
  return std::make_unique<Console>(std::move(options));
}

}  // namespace usher::console
