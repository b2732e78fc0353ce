// Everything around one real usher: a folder with a config and workspaces, Telegram, a model, and people who write.
// Tests say what they change and look from outside only: messages, model requests, files, exit statuses. A failed wait
// shows the end of usher's log; USHER_E2E_LOG=1 shows all of it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/http/http_server.h"
#include "support/model/model_simulator.h"
#include "support/process/process.h"
#include "support/telegram/telegram_simulator.h"
#include "support/temp_dir.h"

namespace usher::e2e {

using namespace usher::testing;

// Longer than anything takes that works; only a failing test waits so long.
constexpr std::chrono::milliseconds patience{30'000};

// People that the tests know.
constexpr std::int64_t owner_id = 100;  // has role owner in World::shop_roles
constexpr std::int64_t ann = 200, bob = 201, carl = 202;
// The bot, as getMe names it.
constexpr const char* bot_name = "usher_test_bot";
// SHA-256 over the length-prefixed ("default", "telegram", id), computed by another program.
extern const char* const owner_digest;
extern const char* const ann_digest;
extern const char* const bob_digest;

class World {
 public:
  explicit World(ModelSimulator::Script script = {}, TelegramOptions options = {});
  ~World();

  TempDir dir;
  SimulatorThread thread;
  ModelSimulator model;
  TelegramSimulator telegram;
  std::string binary;                              // what is run: usher itself from the start
  std::map<std::string, std::string> environment;  // TELEGRAM_TOKEN and MODEL_KEY from the start

  // [gateway], [providers.sim], [models.default] and [models.smart].
  std::string base_config() const;
  // … and the bot "main": what most configs begin with.
  std::string common_config() const;
  // Roles owner (full, all tools, model smart, sender 100) and buyer (the default: readonly, product tools).
  static std::string shop_roles();
  // Writes config.toml (0600).
  void configure(const std::string& text);
  void write_file(const std::string& path, const std::string& text);  // below dir, with its folders
  std::string read_file(const std::string& path) const;               // "" when there is none

  // Starts `usher run` and waits until it polls. Once per process: stop() or kill() before the next.
  Process& run();
  // The same, waiting for something else.
  Process& run_until(const std::function<bool()>& is_up, const std::string& what);
  // SIGTERM; the exit status.
  int stop();
  void kill();
  Process& gateway() { return *gateway_; }
  // Runs `usher <arguments> --config …` to its end.
  ProcessResult command(std::vector<std::string> arguments, const std::string& input = "");
  // For tests that start it themselves.
  ProcessOptions process_options(std::vector<std::string> arguments) const;

  // A private message, and the next message that the person gets.
  std::string ask(std::int64_t person, const std::string& text);
  // The address of the running gateway's API, as its log names it: "http://127.0.0.1:PORT".
  std::string api();

  // What a chat got so far.
  std::vector<SentMessage> messages_in(std::int64_t chat) const;
  // Waits for the count-th message in a chat (from 1), or fails the test.
  SentMessage wait_for_message(std::int64_t chat, std::size_t count);
  // Waits until `done` holds, asked after every call to Telegram and every 10 ms, or fails the test saying `what`.
  void wait_until(const std::function<bool()>& done, const std::string& what);
  // The model's requests whose system prompt holds `text`.
  std::vector<json::object> requests_with(const std::string& text) const;

 private:
  std::string log() const;
  std::unique_ptr<Process> gateway_;
};

// Where `text` stands in a config, as ":LINE:".
std::string line_of(const std::string& config, const std::string& text);
// The JSON object that a command printed; fails the test unless it ended well.
json::object json_of(const ProcessResult& result);

// Fails unless `text` looks like something for people: not empty, no key, address, path, markup or stack of errors.
void check_is_for_people(const std::string& text);

bool contains(std::string_view text, std::string_view part);

}  // namespace usher::e2e
