// The doctor's look at the shared databases.
#include <fmt/format.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <map>
#include <optional>

#include "admin/tokens.h"
#include "app/backup/data_tree.h"
#include "app/doctor/host_checks.h"
#include "gateway/journal.h"
#include "gateway/links/links.h"
#include "limits/counters.h"
#include "store/copy.h"

namespace usher::app {
namespace {

namespace fs = std::filesystem;

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (fs::temp_directory_path(ignored_) / "usher-doctor-XXXXXX").native();
    if (::mkdtemp(name.data())) path_ = name;
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    if (!path_.empty()) fs::remove_all(path_, ignored_);
  }
  const fs::path& path() const { return path_; }

 private:
  std::error_code ignored_;
  fs::path path_;
};

// The schema that this usher would give each database: asked of new ones, so that no number is written down twice.
std::map<std::string, std::int64_t> known_schemas() {
  const ScratchFolder scratch;
  std::map<std::string, std::int64_t> known;
  if (scratch.path().empty()) return known;
  {
    asio::io_context loop(1);
    const SystemClock clock;
    (void)gateway::open_journal(scratch.path() / "gateway.db", loop.get_executor(), clock);
    (void)limits::open_counters(scratch.path() / "limits.db");
    (void)gateway::open_links(scratch.path() / "links.db", loop.get_executor(), clock);
    (void)admin::open_api_stores(scratch.path() / "api.db", loop.get_executor());
  }
  for (const std::string_view name : kSharedDatabases) {
    const Result<std::int64_t> version = store::schema_version_of(scratch.path() / name);
    if (version) known.emplace(name, *version);
  }
  return known;
}

Finding unusable(const fs::path& file, const std::string& why) {
  return {Health::error, why, file.native(),
          "restore it from a backup (usher restore); what can be read of it: sqlite3 FILE .recover"};
}

Finding check_one(const fs::path& file, std::optional<std::int64_t> known, bool is_running) {
  const Result<std::int64_t> version = store::schema_version_of(file);
  if (!version && version.error().kind == ErrorKind::busy) {
    return {Health::warning, "is in use and cannot be looked at: " + version.error().message, file.native(),
            "look again when the gateway is stopped"};
  }
  if (!version) return unusable(file, "cannot be read: " + version.error().message);
  if (*version == 0) {
    return {Health::warning, "is empty; the next start begins it anew", file.native(),
            "where it should hold something, restore it from a backup (usher restore) before"};
  }
  if (known && *version > *known) {
    return {Health::error, fmt::format("was written by a newer usher (schema {}, this one knows {})", *version, *known),
            file.native(), "update usher"};
  }
  if (is_running)
    return {Health::ok, fmt::format("schema {}; its pages are not looked at while it is in use", *version),
            file.native(), ""};
  const Result<std::string> damage = store::find_damage(file, false);
  if (!damage) return unusable(file, "cannot be read: " + damage.error().message);
  if (!damage->empty()) return unusable(file, "is damaged: " + *damage);
  return {Health::ok, fmt::format("whole; schema {}", *version), file.native(), ""};
}

}  // namespace

Findings check_databases(const config::Config& config, bool is_running) {
  Findings findings;
  const std::map<std::string, std::int64_t> known = known_schemas();
  for (const std::string_view name : kSharedDatabases) {
    const fs::path file = config.gateway.data_dir / name;
    std::error_code error;
    if (!fs::exists(file, error)) continue;
    const auto schema = known.find(std::string(name));
    findings.push_back(
        check_one(file, schema == known.end() ? std::nullopt : std::optional(schema->second), is_running));
  }
  return findings;
}

}  // namespace usher::app
