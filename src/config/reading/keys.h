// Every key of config.toml, one table a section: what the reader accepts, what the documentation test compares.
#pragma once

#include <span>
#include <string_view>

namespace usher::config {

enum class KeyType {
  text,
  id,  // text or a whole number: ids are easily written bare
  texts,
  ids,
  integer,
  number,  // integer or float
  boolean,
  table,
  tables,        // [[…]]
  named_tables,  // [section.<name>]
  later,         // its part comes with a later version: refused as not available, whatever its type
};

struct Key {
  std::string_view name;
  KeyType type;
};

struct Section {
  std::string_view title;  // as documented: "[rbac.roles.<name>]"
  std::span<const Key> keys;

  const Key* find(std::string_view name) const;
};

extern const Section kRoot, kGateway, kProvider, kModel, kAgent, kChannels, kTelegram, kDiscord, kIdentity, kConsole,
    kTenant, kRbac, kRole, kPolicy, kWorkspace, kAssignment, kGroup, kApi, kLegacyKey, kAudit;

// All of the above, in the order of the documentation.
std::span<const Section* const> all_sections();

}  // namespace usher::config
