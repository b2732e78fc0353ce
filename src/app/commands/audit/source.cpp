#include "app/commands/audit/source.h"

#include <fmt/format.h>

#include "app/cli/command_line.h"
#include "audit/note/key_file.h"
#include "base/files.h"
#include "base/text.h"

namespace usher::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxKeyBytes = 1024;

struct Trusted {
  audit::VerifyKey key;
  std::string why;
  bool is_pinned;
};

Result<Trusted> given_key(const std::string& text, const char* why) {
  Result<audit::VerifyKey> key = audit::VerifyKey::parse(text);
  if (!key) return fail(std::move(key.error()));
  return Trusted{std::move(*key), why, true};
}

// That of the private key in `file`; where that is missing, of the public one beside it, and then `file` is that.
Result<audit::VerifyKey> own_key(fs::path& file) {
  Result<audit::SigningKey> key = audit::read_key_file(file);
  if (key) return key->verify_key();
  const fs::path beside = audit::public_key_file(file);
  Result<std::string> text = read_file(beside, kMaxKeyBytes);
  if (key.error().kind != ErrorKind::not_found || !text) return fail(std::move(key.error()));
  file = beside;
  return audit::VerifyKey::parse(std::string(trim(*text)));
}

// Never from the ledger: whoever rewrites it would write a key that fits.
Result<Trusted> find_key(const AuditRequest& request, const config::Config* config) {
  if (!request.key.empty()) return given_key(request.key, "given");
  if (!config) return fail(ErrorKind::not_found, "without a configuration the public key is needed: --key");
  const config::Audit& settings = config->audit;
  if (!settings.verify_key.empty()) return given_key(settings.verify_key, "pinned in config.toml");
  fs::path file = settings.key_file;
  Result<audit::VerifyKey> key = own_key(file);
  if (!key) {
    return fail(key.error().kind,
                fmt::format("no public key is pinned ([audit] verify_key) or given (--key), and the one "
                            "beside the ledger cannot be had: {}",
                            key.error().message));
  }
  return Trusted{
      std::move(*key),
      fmt::format("not pinned: taken from {}, so whoever could write there could have signed anything; pin it "
                  "with verify_key in [audit]",
                  file.string()),
      false};
}

}  // namespace

Result<AuditSource> find_audit_source(const AuditRequest& request) {
  // A name that was mistyped must not pass for a ledger that was never signed, or that is gone.
  for (const std::string& file : {request.ledger, request.checkpoint}) {
    std::error_code error;
    if (file.empty() || fs::exists(file, error)) continue;
    return fail(ErrorKind::not_found,
                fmt::format("cannot open '{}': {}", file, error ? error.message() : "no such file"));
  }
  const bool names_all =
      !request.key.empty() && (!request.bundle.empty() || (!request.ledger.empty() && !request.checkpoint.empty()));
  std::shared_ptr<const config::Config> config;
  if (!names_all) {
    config = load_or_complain(request.config_file);
    if (!config) return fail(ErrorKind::invalid, "");
  }
  Result<Trusted> trusted = find_key(request, config.get());
  if (!trusted) return fail(std::move(trusted.error()));
  AuditSource source{.ledger = request.ledger,
                     .checkpoint_file = request.checkpoint,
                     .key = std::move(trusted->key),
                     .trust = std::move(trusted->why),
                     .is_pinned = trusted->is_pinned};
  if (config) {
    if (request.ledger.empty()) source.ledger = config->gateway.data_dir / "ledger.db";
    if (request.checkpoint.empty()) source.checkpoint_file = config->audit.checkpoint_file;
    source.origin = config->audit.origin;
  }
  return source;
}

}  // namespace usher::app
