#include "app/ledger.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "audit/note/key_file.h"
#include "base/files.h"
#include "base/hash.h"

namespace usher::app {
namespace {

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

}  // namespace

Result<audit::SigningKey> signing_key(const config::Config& config) {
  const config::Audit& settings = config.audit;
  const bool may_make = settings.is_key_file_default && settings.verify_key.empty();
  Result<audit::SigningKey> key = may_make ? audit::read_or_make_key_file(settings.key_file, settings.origin)
                                           : audit::read_key_file(settings.key_file);
  if (!key || settings.verify_key.empty()) return key;
  Result<audit::VerifyKey> pinned = audit::VerifyKey::parse(settings.verify_key);
  if (!pinned) return fail(ErrorKind::invalid, fmt::format("'verify_key' in [audit]: {}", pinned.error().message));
  if (*pinned == key->verify_key()) return key;
  return fail(ErrorKind::invalid, fmt::format("'verify_key' in [audit] is not the public key of {}, which is {}",
                                              settings.key_file.string(), key->verify_key().text()));
}

Result<std::unique_ptr<audit::DurableLedger>> open_ledger(const config::Config& config, const Clock& clock,
                                                          asio::any_io_executor loop, asio::any_io_executor pool,
                                                          net::HttpClient* http) {
  const config::Audit& settings = config.audit;
  Result<audit::SigningKey> key = signing_key(config);
  if (!key) return fail(std::move(key.error()));
  audit::LedgerOptions options{.file = config.gateway.data_dir / "ledger.db",
                               .checkpoint_file = settings.checkpoint_file,
                               .key = std::move(*key),
                               .origin = settings.origin,
                               .checkpoint_rows = static_cast<std::uint64_t>(settings.checkpoint_rows),
                               .checkpoint_every = settings.checkpoint_every,
                               .rotate_rows = static_cast<std::uint64_t>(settings.rotate_rows)};
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
