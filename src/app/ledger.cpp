#include "app/ledger.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "audit/note/key_file.h"
#include "base/files.h"
#include "base/hash.h"

namespace usher::app {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kWitnessPatience{5};
constexpr std::size_t kMaxConfigBytes = 1u << 20;

Task<void> tell_witness(net::HttpClient& http, std::shared_ptr<const net::Endpoint> witness, std::string note) {
  net::HttpRequest request{.endpoint = witness.get(), .content_type = "text/plain; charset=utf-8"};
  request.body = std::move(note);
  request.max_response_bytes = 64u << 10;
  Result<net::HttpResponse> answer = co_await http.send(std::move(request), Deadline::in(kWitnessPatience));
  if (!answer) {
    spdlog::warn("the witness did not take the checkpoint: {}", answer.error().message);
  } else if (answer->status < 200 || answer->status > 299) {
    spdlog::warn("the witness did not take the checkpoint: status {}", answer->status);
  }
}

fs::path ledger_file(const config::Config& config) { return config.gateway.data_dir / "ledger.db"; }

// Whether rows or checkpoints are there: then a new key could only be a wrong one.
bool was_begun(const config::Config& config) {
  const auto holds_something = [](const fs::path& file) {
    std::error_code error;
    return fs::exists(file, error) && (fs::file_size(file, error) > 0 || error);
  };
  return holds_something(ledger_file(config)) || holds_something(config.audit.checkpoint_file) ||
         !audit::find_segments(ledger_file(config)).empty();
}

Error missing_key(const fs::path& file) {
  return {
      ErrorKind::not_found,
      fmt::format("the ledger's key {} is missing. Put it back, from a backup for instance; where it is lost, `usher "
                  "audit verify` still proves what was signed, and docs/audit.md says how to begin a new ledger",
                  file.string())};
}

Result<audit::SigningKey> checked_against_pinned(Result<audit::SigningKey> key, const config::Audit& settings) {
  if (!key || settings.verify_key.empty()) return key;
  Result<audit::VerifyKey> pinned = audit::VerifyKey::parse(settings.verify_key);
  if (!pinned) return fail(ErrorKind::invalid, fmt::format("'verify_key' in [audit]: {}", pinned.error().message));
  if (*pinned == key->verify_key()) return key;
  return fail(ErrorKind::invalid, fmt::format("'verify_key' in [audit] is not the public key of {}, which is {}",
                                              settings.key_file.string(), key->verify_key().text()));
}

Result<audit::SigningKey> existing_key(const config::Config& config) {
  Result<audit::SigningKey> key = audit::read_key_file(config.audit.key_file);
  if (!key && key.error().kind == ErrorKind::not_found) return fail(missing_key(config.audit.key_file));
  return checked_against_pinned(std::move(key), config.audit);
}

bool may_make_key(const config::Config& config) {
  return config.audit.is_key_file_default && config.audit.verify_key.empty() && !was_begun(config);
}

audit::LedgerOptions ledger_options(const config::Config& config, audit::SigningKey key) {
  const config::Audit& settings = config.audit;
  return {.file = ledger_file(config),
          .checkpoint_file = settings.checkpoint_file,
          .key = std::move(key),
          .origin = settings.origin,
          .checkpoint_rows = static_cast<std::uint64_t>(settings.checkpoint_rows),
          .checkpoint_every = settings.checkpoint_every,
          .rotate_rows = static_cast<std::uint64_t>(settings.rotate_rows)};
}

}  // namespace

Result<audit::SigningKey> signing_key(const config::Config& config) {
  if (!may_make_key(config)) return existing_key(config);
  return audit::read_or_make_key_file(config.audit.key_file, config.audit.origin);
}

Result<std::optional<audit::Opened>> look_at_ledger(const config::Config& config) {
  std::error_code error;
  if (may_make_key(config) && !fs::exists(config.audit.key_file, error)) return std::nullopt;
  Result<audit::SigningKey> key = existing_key(config);
  if (!key) return fail(std::move(key.error()));
  Result<audit::Opened> opened = audit::check_before_opening(ledger_options(config, std::move(*key)));
  if (!opened) return fail(std::move(opened.error()));
  return *opened;
}

Result<std::unique_ptr<audit::DurableLedger>> open_ledger(const config::Config& config, const Clock& clock,
                                                          asio::any_io_executor loop, asio::any_io_executor pool,
                                                          net::HttpClient* http) {
  const config::Audit& settings = config.audit;
  Result<audit::SigningKey> key = signing_key(config);
  if (!key) return fail(std::move(key.error()));
  audit::LedgerOptions options = ledger_options(config, std::move(*key));
  if (http && !settings.witness_url.empty()) {
    Result<net::Endpoint> endpoint = net::parse_endpoint(settings.witness_url);
    if (!endpoint) return fail(std::move(endpoint.error()));
    options.witness = [http, witness = std::make_shared<const net::Endpoint>(std::move(*endpoint))](std::string note) {
      return tell_witness(*http, witness, std::move(note));
    };
  }
  return audit::open_ledger(std::move(options), clock, std::move(loop), std::move(pool));
}

audit::Record process_record(const config::Config& config, const std::string& action) {
  const Result<std::string> text = read_file(config.file, kMaxConfigBytes);
  return {.kind = audit::Kind::process,
          .outcome = audit::Outcome::allowed,
          .who = "operator",
          .source = "shell",
          .action = action,
          .resource = config.file.string(),
          .detail = fmt::format("usher {}; config.toml {}", USHER_VERSION,
                                text ? "sha256:" + to_hex(sha256(*text)) : "cannot be read any more")};
}

}  // namespace usher::app
