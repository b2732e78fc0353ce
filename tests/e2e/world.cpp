#include "e2e/world.h"

#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace usher::e2e {

namespace fs = std::filesystem;

const char* const owner_digest = "b33d9a29db740582a7da3364f46c68abe66bb2d1f66e79656f482e3d6f8a643d";
const char* const ann_digest = "fbef5344c0a845ead89f4fd6568537046d23cc2b14de693812ee673866362157";
const char* const bob_digest = "228e9b1da390eec8a570cb0a9bf74b449d5a1d8490349a72f138ce24c684fc80";

namespace {

// Waits piecemeal, as its conditions may depend on more than the simulator that is asked.
constexpr std::chrono::milliseconds look_again{10};

const char* const catalog =
    R"({"id":"p1","name":"Blue umbrella","price":12.5,"description":"Keeps the rain off"}
{"id":"p2","name":"Red kettle","price":30,"description":"Boils water in a minute"}
)";

}  // namespace

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

World::World(ModelSimulator::Script script, TelegramOptions options)
    : model(thread.executor(), std::move(script)),
      telegram(thread.executor(), std::move(options)),
      binary(USHER_BINARY) {
  environment = {{"TELEGRAM_TOKEN", telegram.token()}, {"MODEL_KEY", "sk-e2e-secret"}};
  write_file("workspaces/shared/AGENTS.md", "You are the clerk of the SHOP.\n");
  write_file("workspaces/shared/catalog.jsonl", catalog);
  write_file("workspaces/owner/AGENTS.md", "You assist the OWNER.\n");
  write_file("workspaces/owner/catalog.jsonl", catalog);
  write_file("workspaces/knowledge/public/returns.md", "# Returns\n\nGoods can be returned within thirty days.\n");
  write_file("workspaces/knowledge/internal/margin.md",
             "# Returns\n\nThe margin on returned umbrellas is forty percent.\n");
}

World::~World() {
  if (gateway_ && std::getenv("USHER_E2E_LOG")) std::fprintf(stderr, "%s\n", gateway_->errors().c_str());
}

std::string World::base_config() const {
  return R"(
[gateway]
data_dir = "data"
workspaces_dir = "workspaces"
listen = "127.0.0.1:0"
log_level = "debug"

[providers.sim]
kind = "openai"
base_url = ")" +
         model.base_url() + R"("
api_key = "${MODEL_KEY}"

[models.default]
provider = "sim"
model = "small-1"
input_usd_per_mtok = 10.0
output_usd_per_mtok = 10.0
max_output_tokens = 1000

[models.smart]
provider = "sim"
model = "large-1"
input_usd_per_mtok = 10.0
output_usd_per_mtok = 10.0
max_output_tokens = 1000
)";
}

std::string World::common_config() const {
  return base_config() + R"(
[[channels.telegram]]
name = "main"
token = "${TELEGRAM_TOKEN}"
api_root = ")" +
         telegram.api_root() + R"("
)";
}

std::string World::shop_roles() {
  return R"(
[rbac]
default_role = "buyer"

[rbac.roles.owner]
autonomy = "full"
allowed_tools = ["*"]
workspace = "owner"
model_hint = "smart"
rag_access = ["*"]

[rbac.roles.buyer]
autonomy = "readonly"
allowed_tools = ["product_search", "product_info"]
workspace = "shared"

[rbac.workspaces.owner]
path = "owner"

[rbac.workspaces.shared]
path = "shared"

[[rbac.assignments]]
sender = "telegram:100"
role = "owner"
)";
}

void World::configure(const std::string& text) {
  write_file("config.toml", text);
  fs::permissions(dir / "config.toml", fs::perms::owner_read | fs::perms::owner_write);
}

void World::write_file(const std::string& path, const std::string& text) {
  fs::create_directories((dir / path).parent_path());
  std::ofstream file(dir / path, std::ios::binary);
  file << text;
  REQUIRE(file.good());
}

std::string World::read_file(const std::string& path) const {
  std::ifstream file(dir / path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

ProcessOptions World::process_options(std::vector<std::string> arguments) const {
  ProcessOptions options;
  options.command = {binary};
  options.command.insert(options.command.end(), arguments.begin(), arguments.end());
  options.command.insert(options.command.end(), {"--config", (dir / "config.toml").string()});
  options.environment = environment;
  options.directory = dir.path();
  return options;
}

Process& World::run() {
  const std::size_t polls = telegram.count("getupdates");
  return run_until([&] { return telegram.count("getupdates") > polls; }, "usher polls");
}

Process& World::run_until(const std::function<bool()>& is_up, const std::string& what) {
  gateway_ = std::make_unique<Process>(process_options({"run"}));
  wait_until(is_up, what);
  return *gateway_;
}

int World::stop() {
  gateway_->signal(SIGTERM);
  std::optional<int> status = gateway_->wait(patience);
  REQUIRE_MESSAGE(status.has_value(), "usher does not stop\n", log());
  return *status;
}

void World::kill() {
  gateway_->signal(SIGKILL);
  REQUIRE(gateway_->wait(patience).has_value());
}

ProcessResult World::command(std::vector<std::string> arguments, const std::string& input) {
  return run_process(process_options(std::move(arguments)), input, patience);
}

std::string World::api() {
  const std::string before = "the API listens on ";
  REQUIRE_MESSAGE(gateway_->wait_until([&] { return contains(gateway_->errors(), before); }, patience), log());
  const std::string errors = gateway_->errors();
  const std::size_t at = errors.find(before) + before.size();
  return errors.substr(at, errors.find_first_of("\r\n", at) - at);
}

std::vector<SentMessage> World::messages_in(std::int64_t chat) const {
  std::vector<SentMessage> messages;
  for (SentMessage& message : telegram.sent()) {
    if (message.chat_id == chat) messages.push_back(std::move(message));
  }
  return messages;
}

SentMessage World::wait_for_message(std::int64_t chat, std::size_t count) {
  wait_until([&] { return messages_in(chat).size() >= count; },
             "message " + std::to_string(count) + " in chat " + std::to_string(chat));
  return messages_in(chat)[count - 1];
}

std::string World::ask(std::int64_t person, const std::string& text) {
  std::size_t before = messages_in(person).size();
  telegram.private_message(person, text);
  return wait_for_message(person, before + 1).text;
}

void World::wait_until(const std::function<bool()>& done, const std::string& what) {
  auto end = std::chrono::steady_clock::now() + patience;
  while (!telegram.wait_until(done, look_again)) {
    bool has_ended = gateway_ && gateway_->wait(std::chrono::milliseconds(0)).has_value();
    bool is_late = std::chrono::steady_clock::now() >= end;
    if (has_ended && !done()) FAIL("usher ended while waiting for: ", what, "\n", log());
    if (is_late) FAIL("in vain waited for: ", what, "\n", log());
  }
}

std::vector<json::object> World::requests_with(const std::string& text) const {
  std::vector<json::object> requests;
  for (json::object& request : model.requests()) {
    if (contains(system_text(request), text)) requests.push_back(std::move(request));
  }
  return requests;
}

std::string World::log() const {
  if (!gateway_) return "";
  std::string errors = gateway_->errors();
  return errors.size() > 8000 ? errors.substr(errors.size() - 8000) : errors;
}

std::string line_of(const std::string& config, const std::string& text) {
  std::size_t position = config.find(text);
  REQUIRE(position != std::string::npos);
  return ":" + std::to_string(std::count(config.begin(), config.begin() + static_cast<long>(position), '\n') + 1) + ":";
}

json::object json_of(const ProcessResult& result) {
  INFO(result.errors);
  CHECK(result.status == 0);
  Result<json::value> value = parse_json(result.output);
  REQUIRE_MESSAGE((value && value->is_object()), result.output);
  return value->get_object();
}

void check_is_for_people(const std::string& text) {
  CHECK_FALSE(text.empty());
  CHECK(text.size() < 500);
  for (const char* internal : {"sk-e2e", "127.0.0.1", "http:", "https:", "<html", "/tmp", "/data", "Traceback",
                               "exception", "Bearer", "errno", ".db", "SQLITE", "invalid_api_key", "protocol error"}) {
    CAPTURE(internal);
    CHECK_MESSAGE(!contains(text, internal), text);
  }
}

}  // namespace usher::e2e
