// Refusals: placeholders. Each file with the exact lines that it earns.
#include "config/refusals.h"

namespace usher::config::testing {
namespace {

const Refusal kRefusals[] = {
    {"variables that are missing, empty, set twice, unreadable",
     R"toml(
[gateway]
data_dir = "${MISSING}"
workspaces_dir = "${EMPTY}"
timezone = "${BOTH}"
log_level = "${GONE}"
listen = "a${LINES}")toml",
     R"(
config.toml:2:12: error: 'gateway.data_dir': the environment variable MISSING is not set
config.toml:3:18: error: 'gateway.workspaces_dir': the environment variable EMPTY is empty
config.toml:4:12: error: 'gateway.timezone': BOTH and BOTH_FILE are both set; unset one of them
config.toml:5:13: error: 'gateway.log_level': cannot read the file that GONE_FILE names: cannot open '/nonexistent/file': No such file or directory
config.toml:6:10: error: 'gateway.listen': LINES holds a line break, a control character or invalid UTF-8)"},
    {"placeholders that are malformed",
     R"toml(
[agent]
allowed_tools = ["${lower}", "${A", "${}", "${A:-${B}}", "${A-b}"])toml",
     R"(
config.toml:2:18: error: 'agent.allowed_tools': malformed placeholder; write ${NAME} (A-Z, 0-9, _), ${NAME:-fallback}, or $${ for a literal ${
config.toml:2:30: error: 'agent.allowed_tools': malformed placeholder; write ${NAME} (A-Z, 0-9, _), ${NAME:-fallback}, or $${ for a literal ${
config.toml:2:37: error: 'agent.allowed_tools': malformed placeholder; write ${NAME} (A-Z, 0-9, _), ${NAME:-fallback}, or $${ for a literal ${
config.toml:2:44: error: 'agent.allowed_tools': malformed placeholder; write ${NAME} (A-Z, 0-9, _), ${NAME:-fallback}, or $${ for a literal ${
config.toml:2:58: error: 'agent.allowed_tools': malformed placeholder; write ${NAME} (A-Z, 0-9, _), ${NAME:-fallback}, or $${ for a literal ${)"},
    {"a placeholder in a list and in an unknown key",
     R"toml(
x = "${MISSING}"
[[channels.telegram]]
token = "${MISSING}"
name = "${EMPTY}")toml",
     R"(
config.toml:1:1: error: unknown key 'x'
config.toml:1:5: error: 'x': the environment variable MISSING is not set
config.toml:2:1: warning: nobody may write here: there is no [rbac], and 'senders' in [agent] is empty
config.toml:3:9: error: 'channels.telegram.token': the environment variable MISSING is not set
config.toml:4:8: error: 'channels.telegram.name': the environment variable EMPTY is empty)"},
};

}  // namespace

TEST_CASE("every mistake in placeholders is refused with its place and its remedy") { check_refusals(kRefusals); }

}  // namespace usher::config::testing
