// The sections of config.toml, each read into its part of Config. They are called in the order below: a section may
// look at what those before it have left in `config`.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/reading/reader.h"

namespace usher::config {

// What the sections share while one file is read.
struct Loading {
  Config& config;
  Problems& problems;
  std::string shown_file;  // as messages call it
  bool checks_files;
  std::filesystem::path base;  // the config file's folder
};

void read_gateway(Loading& loading, const TableReader& root);
// [providers.<name>] and [models.<hint>]; the built-in demo where the file has neither.
void read_models(Loading& loading, const TableReader& root);
void read_agent(Loading& loading, const TableReader& root);
// [rbac] and [tenants.<name>.rbac]; the implicit role of [agent] where the default tenant has no [rbac].
void read_tenants(Loading& loading, const TableReader& root);
void read_channels(Loading& loading, const TableReader& root);
// [[identities]]: after the tenants, whose assignments must not contradict them.
void read_identities(Loading& loading, const TableReader& root);
void read_api(Loading& loading, const TableReader& root);
void read_audit(Loading& loading, const TableReader& root);

// The part of read_gateway that is about the HTTP API.
void read_http(Loading& loading, const TableReader& gateway);

// Parts of read_tenants.
void read_rbac(Loading& loading, const TableReader& rbac, Tenant& tenant);
void read_assignments(Loading& loading, const TableReader& rbac, Tenant& tenant);
void read_group_ceilings(Loading& loading, const TableReader& rbac, Tenant& tenant);
void read_implicit_tenant(Loading& loading, const TableReader& root);
// The keys that a role and [agent] have in common: autonomy, tools, memory_isolation, rag_access, model_hint, limits.
void read_role_keys(Loading& loading, const TableReader& table, Role& role);
// [rbac.roles.<name>.policy]
void read_role_policy(const TableReader& table, Role& role);
// Every model that `hint` may end up at has a price or is free; else reports at `source` that `who` needs one.
void check_budget(Loading& loading, const Source& source, std::string_view who, const std::string& hint);

// Beneath workspaces_dir and not the knowledge folder, absolute; reports anything else. Checks that the folder exists.
std::optional<std::filesystem::path> read_workspace_path(Loading& loading, const Text& path);
// Warns of a knowledge collection that has no folder: it may come later.
void check_collection(Loading& loading, const Text& name);
// No workspace within another's, none shared under two names, none around the config file or a tenant's data.
void check_rooms(Loading& loading);

// A person as config writes one: "telegram:123", "console:local", a bare number.
std::optional<Sender> read_sender(Problems& problems, const Text& text, const std::string& tenant);

// `path` itself, or beneath `base` when it is relative; without a trailing slash.
std::filesystem::path absolute_from(const std::filesystem::path& base, const std::filesystem::path& path);
// "localhost", 127.0.0.0/8 or "[::1]" in any spelling.
bool is_loopback(std::string_view host);

// An http(s) URL without user, query or fragment, as `key` asks for; without its trailing slash.
std::optional<std::string> read_url(Problems& problems, const Text& text, std::string_view key, bool carries_secret);

// Looks one of a few words up; reports anything else with the choices.
template <class T>
struct Choice {
  std::string_view word;
  T value;
};
std::string unknown_word(const Text& text, std::string_view key, const std::vector<std::string>& words);
template <class T, std::size_t N>
T read_choice(const TableReader& table, std::string_view key, const Choice<T> (&choices)[N], T fallback) {
  const std::optional<Text> text = table.text(key);
  if (!text) return fallback;
  std::vector<std::string> words;
  for (const Choice<T>& choice : choices) {
    if (choice.word == text->value) return choice.value;
    words.emplace_back(choice.word);
  }
  table.problems().error(text->source, unknown_word(*text, key, words));
  return fallback;
}

// "unknown role 'byer'; did you mean 'buyer'?"
std::string unknown_name(std::string_view what, const Text& text, const std::vector<std::string>& known);

}  // namespace usher::config
