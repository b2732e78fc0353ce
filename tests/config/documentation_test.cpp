// docs/configuration.md and the loader know the same keys.
#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "config/reading/keys.h"
#include "config/support.h"

namespace usher::config::testing {
namespace {

namespace fs = std::filesystem;
using KeySets = std::map<std::string, std::set<std::string>>;

std::string read(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// "### `[gateway]`" opens a section, "| `data_dir` | …" is a key of it.
KeySets documented_keys() {
  KeySets found;
  std::string section, line;
  std::istringstream text(read(source_root() / "docs/configuration.md"));
  while (std::getline(text, line)) {
    if (line.starts_with("#")) {
      const std::size_t open = line.find('`'), close = line.rfind('`');
      section = open < close ? line.substr(open + 1, close - open - 1) : "";
      if (!section.empty()) found[section];
    } else if (line.starts_with("| `") && !section.empty()) {
      found[section].insert(line.substr(3, line.find('`', 3) - 3));
    }
  }
  return found;
}

bool is_section(KeyType type) {
  return type == KeyType::table || type == KeyType::tables || type == KeyType::named_tables;
}

KeySets accepted_keys() {
  KeySets found;
  for (const Section* section : all_sections()) {
    for (const Key& key : section->keys) {
      if (!is_section(key.type) && key.type != KeyType::later) found[std::string(section->title)].emplace(key.name);
    }
  }
  return found;
}

}  // namespace

TEST_CASE("every key that the loader accepts is documented in its section, and no other") {
  CHECK(documented_keys() == accepted_keys());
}

TEST_CASE("every key of a later version is named as such") {
  const std::string text = read(source_root() / "docs/configuration.md");
  const std::string later = text.substr(std::min(text.size(), text.find("## Not in this version")));
  for (const Section* section : all_sections()) {
    for (const Key& key : section->keys) {
      CAPTURE(key.name);
      if (key.type == KeyType::later) CHECK(later.contains(std::string(key.name)));
    }
  }
}

TEST_CASE("the example of the documentation loads, and so does the example file with its comments taken off") {
  const std::string text = read(source_root() / "docs/configuration.md");
  const std::size_t open = text.find("```toml\n"), close = text.find("```", open + 8);
  REQUIRE(open != std::string::npos);
  const Variables variables = {{"OPENAI_API_KEY", "sk-abc"},
                               {"TELEGRAM_BOT_TOKEN", "1:abc"},
                               {"DISCORD_BOT_TOKEN", "MTIzNDU2.Gabcde.AAsecret-AAsecret"},
                               {"OWNER_TELEGRAM_ID", "5"}};
  CHECK(joined(load_from(text.substr(open + 8, close - open - 8), variables).problems) == "");

  std::istringstream example(read(source_root() / "config.toml.example"));
  std::string line, uncommented;
  while (std::getline(example, line)) {
    const bool is_code = line.starts_with("# [") || (line.starts_with("# ") && line.contains(" = "));
    const bool is_demo_model = line == "[models.default]" || line == "provider = \"demo\"";
    if (!is_demo_model) uncommented += (is_code ? line.substr(2) : line) + "\n";
  }
  CHECK(joined(load_from(uncommented, variables).problems) == "");
}

}  // namespace usher::config::testing
