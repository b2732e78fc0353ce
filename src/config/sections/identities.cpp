// [[identities]]: who is one person on several platforms.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "config/sections/sections.h"

namespace usher::config {
namespace {

constexpr std::size_t kMaxSenders = 16;

class IdentityReader {
 public:
  explicit IdentityReader(Loading& loading) : loading_(loading) {}

  void read(const TableReader& table) {
    Identity identity;
    identity.source = table.source();
    const std::optional<Text> name = table.required_text("name");
    const std::optional<Text> tenant = table.text("tenant");
    if (tenant) identity.tenant = tenant->value;
    if (tenant && !loading_.config.tenants.contains(tenant->value)) {
      report(tenant->source, unknown_name("tenant", *tenant, names_of(loading_.config.tenants)));
      return;
    }
    if (name) identity.name = read_name(*name, identity.tenant);
    const std::vector<Text> senders = table.texts("senders");
    for (const Text& text : senders) read_member(text, identity);
    if (senders.size() < 2) {
      report(table.source(), fmt::format("{} joins at least two 'senders'", table.title()));
    } else if (senders.size() > kMaxSenders) {
      report(table.source_of("senders"), fmt::format("at most {} 'senders' are one person", kMaxSenders));
    }
    loading_.config.identities.push_back(std::move(identity));
  }

 private:
  void report(const Source& source, std::string message) { loading_.problems.error(source, std::move(message)); }

  std::string read_name(const Text& name, const std::string& tenant) {
    if (!names_.insert({tenant, name.value}).second) {
      report(name.source, fmt::format("two identities are called {}", quote(name.written)));
    }
    return name.value;
  }

  void read_member(const Text& text, Identity& identity) {
    const std::optional<Sender> sender = read_sender(loading_.problems, text, identity.tenant);
    if (!sender) return;
    const auto [first, is_new] = lines_.try_emplace(*sender, text.source.line);
    if (!is_new) {
      report(text.source,
             fmt::format("sender {} is in an identity already, in line {}", quote(text.written), first->second));
      return;
    }
    check_role(text, *sender, identity);
    identity.senders.push_back(*sender);
  }

  // One person has one role: assignments of two of their senders must agree.
  void check_role(const Text& text, const Sender& sender, const Identity& identity) {
    const Assignment* own = assignment_of(sender);
    if (!own) return;
    for (const Sender& other : identity.senders) {
      const Assignment* theirs = assignment_of(other);
      if (!theirs || theirs->role == own->role) continue;
      report(text.source, fmt::format("two roles for one person: sender {} is '{}' (line {}), '{}' is '{}' (line {})",
                                      quote(text.written), own->role, own->source.line, to_string(other), theirs->role,
                                      theirs->source.line));
      return;
    }
  }

  const Assignment* assignment_of(const Sender& sender) const {
    const std::vector<Assignment>& all = loading_.config.tenants.at(sender.tenant).assignments;
    const auto found = std::ranges::find(all, sender, &Assignment::sender);
    return found == all.end() ? nullptr : &*found;
  }

  Loading& loading_;
  std::set<std::pair<std::string, std::string>> names_;  // tenant and name
  std::map<Sender, std::size_t> lines_;
};

}  // namespace

void read_identities(Loading& loading, const TableReader& root) {
  IdentityReader reader(loading);
  for (const TableReader& table : root.tables("identities", kIdentity)) reader.read(table);
}

}  // namespace usher::config
