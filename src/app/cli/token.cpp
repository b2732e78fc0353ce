// The command line of token create, list and revoke.
#include "app/commands/token.h"

#include "app/cli/command_line.h"

namespace usher::app {
namespace {

struct TokenOptions {
  TokenRequest request;
  std::string jti;
  bool with_unusable = false;
};

void declare_create(CommandLine& line, CLI::App& token, const std::shared_ptr<TokenOptions>& options) {
  CLI::App& create = line.add(token, "create", "make a token for an operator; it is shown once");
  create.add_option("--name", options->request.name, "whose it is, for people")->required();
  create
      .add_option("--scope", options->request.scopes, "read, operate, approve or admin; several: --scope read,approve")
      ->required()
      ->delimiter(',');
  create.add_option("--tenant", options->request.tenant, "only for this tenant (default: all)");
  create.add_option("--expires", options->request.lifetime, "how long it lives: 90d (default), 12h, 30m, …");
  line.add_json(create);
  line.choose(create, [&line, options] {
    return line.with_config([&](std::shared_ptr<const config::Config> config) {
      return create_token(std::move(config), options->request, line.options().as_json);
    });
  });
}

}  // namespace

void declare_token_commands(CommandLine& line) {
  auto options = std::make_shared<TokenOptions>();
  CLI::App& token = line.add_family("token", "bearer tokens of the HTTP API");
  declare_create(line, token, options);

  CLI::App& list = line.add(token, "list", "all tokens that can be used, without their secrets");
  list.add_option("--tenant", options->request.tenant, "only of this tenant");
  list.add_flag("--all", options->with_unusable, "expired and revoked ones too");
  line.add_json(list);
  line.choose(list, [&line, options] {
    return line.with_config([&](std::shared_ptr<const config::Config> config) {
      return list_tokens(std::move(config), options->request.tenant, options->with_unusable, line.options().as_json);
    });
  });

  CLI::App& revoke = line.add(token, "revoke", "revoke a token and every one that was made from it");
  revoke.add_option("JTI", options->jti, "its name: tok_…")->required();
  line.add_json(revoke);
  line.choose(revoke, [&line, options] {
    return line.with_config([&](std::shared_ptr<const config::Config> config) {
      return revoke_token(std::move(config), options->jti, line.options().as_json);
    });
  });
}

}  // namespace usher::app
