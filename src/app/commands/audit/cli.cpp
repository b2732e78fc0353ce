// How the commands of `usher audit` are written on the command line.
#include <fmt/format.h>

#include <charconv>
#include <memory>

#include "app/commands/audit/commands.h"
#include "base/text.h"

namespace usher::app {
namespace {

using Request = std::shared_ptr<AuditRequest>;
using Choose = std::function<void(std::function<int()> run)>;

CLI::App& add_command(CLI::App& parent, const Request& request, const char* name, const char* help) {
  CLI::App* command = parent.add_subcommand(name, help);
  command->add_option("-c,--config", request->config_file, "the configuration file (default: ./config.toml)");
  return *command;
}

void add_places(CLI::App& command, const Request& request) {
  command.add_option("--key", request->key, "the public key (default: verify_key in [audit])");
  command.add_option("--ledger", request->ledger, "another ledger.db, a copy for instance");
  command.add_option("--checkpoint", request->checkpoint,
                     "another file of checkpoints, one kept elsewhere for instance");
}

// CLI11 takes -3 for a number without a sign, and wraps it around.
CLI::Validator whole_number(std::uint64_t least) {
  const auto problem_of = [least](const std::string& text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_one = error == std::errc() && end == text.data() + text.size() && number >= least;
    return is_one ? std::string() : fmt::format("{} is no whole number from {}", printable(text, 40), least);
  };
  return {problem_of, ""};
}

// Every command that prints data has it.
void add_idle_json(CLI::App& command, const Request& request) {
  command.add_flag("--json", request->as_json, "changes nothing: this is JSON already");
}

void choose_for(CLI::App& command, const Request& request, const Choose& choose, int (*run)(const AuditRequest&)) {
  command.callback([request, choose, run] { choose([request, run] { return run(*request); }); });
}

}  // namespace

void add_audit_commands(CLI::App& app, const Choose& choose) {
  const Request request = std::make_shared<AuditRequest>();
  CLI::App* audit = app.add_subcommand("audit", "the ledger: what was decided, and the proof that nothing was changed");
  audit->require_subcommand(1);

  CLI::App& keygen = add_command(*audit, request, "keygen", "make a pair of keys; prints the public one");
  keygen.add_option("--out", request->out, "the private key's file (default: key_file in [audit])");
  keygen.add_flag("--json", request->as_json, "print JSON");
  choose_for(keygen, request, choose, audit_keygen);

  CLI::App& verify = add_command(*audit, request, "verify",
                                 "check every row, the chain and the checkpoints; exit status 2 when changed");
  add_places(verify, request);
  verify.add_option("--bundle", request->bundle, "check an exported bundle instead; with --key nothing else is needed");
  verify.add_flag("--json", request->as_json, "print JSON");
  choose_for(verify, request, choose, audit_verify);

  CLI::App& to_export =
      add_command(*audit, request, "export", "rows as JSON lines, with the proofs for others to check");
  add_places(to_export, request);
  to_export.add_option("--from", request->first, "the first row (default: 1)")->check(whole_number(1));
  to_export.add_option("--to", request->last, "the last row (default: the last that is signed)")
      ->check(whole_number(1));
  to_export.add_option("--out", request->out, "a new file, or a folder for one (default: stdout)");
  add_idle_json(to_export, request);
  choose_for(to_export, request, choose, audit_export);

  CLI::App& tail = add_command(*audit, request, "tail", "the newest rows");
  tail.add_option("--ledger", request->ledger, "another ledger.db, a copy for instance");
  tail.add_flag("-f,--follow", request->follows, "go on with what is written");
  tail.add_option("-n,--lines", request->count, "so many rows (default: 20)")->check(whole_number(0));
  tail.add_flag("--json", request->as_json, "print JSON lines");
  choose_for(tail, request, choose, audit_tail);

  CLI::App& proof = add_command(*audit, request, "proof", "one row with the proofs for others to check");
  add_places(proof, request);
  proof.add_option("ROW", request->first, "its number")->required()->check(whole_number(1));
  add_idle_json(proof, request);
  proof.callback([request, choose] {
    choose([request] {
      request->last = request->first;
      return audit_export(*request);
    });
  });
}

}  // namespace usher::app
