#include "base/log.h"

#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/text.h"

namespace usher {

namespace {

struct Level {
  std::string_view name;
  spdlog::level::level_enum value;
};

constexpr std::array levels{
    Level{"trace", spdlog::level::trace}, Level{"debug", spdlog::level::debug}, Level{"info", spdlog::level::info},
    Level{"warn", spdlog::level::warn},   Level{"error", spdlog::level::err},   Level{"off", spdlog::level::off},
};

std::string_view name_of(spdlog::level::level_enum value) {
  for (const Level& level : levels) {
    if (level.value == value) return level.name;
  }
  return "error";  // spdlog's "critical", which usher does not use
}

// One line a message, secrets removed before anything is escaped: an escaped secret would not be recognised.
class LineFormatter final : public spdlog::formatter {
 public:
  explicit LineFormatter(LogFormat format) : format_(format) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    std::string time = to_iso8601(std::chrono::floor<std::chrono::milliseconds>(message.time));
    std::string text = redact(std::string_view(message.payload.data(), message.payload.size()));
    std::string line;
    if (format_ == LogFormat::json) {
      json::object object;
      object["time"] = time;
      object["level"] = json::string_view(name_of(message.level).data(), name_of(message.level).size());
      object["message"] = repair_utf8(text);
      line = json::serialize(object);
    } else {
      // Control characters are shown, so that foreign text can neither begin a line of its own nor drive a terminal.
      line = fmt::format("{} {:<5} {}", time, name_of(message.level), printable(text, longest_line));
    }
    line.push_back('\n');
    out.append(line.data(), line.data() + line.size());
  }

  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<LineFormatter>(format_); }

 private:
  static constexpr std::size_t longest_line = 64u << 10;
  LogFormat format_;
};

}  // namespace

void set_up_logging(const std::string& level, LogFormat format) {
  auto logger = std::make_shared<spdlog::logger>("usher", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_formatter(std::make_unique<LineFormatter>(format));
  logger->set_level(spdlog::level::info);
  for (const Level& known : levels) {
    if (known.name == level) logger->set_level(known.value);
  }
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace usher
