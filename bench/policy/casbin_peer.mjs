// casbin on the policy and the requests of policy_bench.
//
//   node casbin_peer.mjs POLICY.json REQUESTS.json regexMatch|globMatch ROUNDS SECONDS
//
// Prints {"version": …, "rounds_ns": [nanoseconds a decision, one number a round], "allowed": [true or false, a request]}.
//
// casbin gets its best: the synchronous enforcer; the effect `priority`, which ends at the first rule that matches (the
// deny rules are loaded first), where the deny override would go on to the last; a section of its own for each
// dimension, so that none looks at the other's rules; the level compared outside of it.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { EnforceContext, newEnforcer, newModelFromString } from "casbin";

const [policy, requests] = process.argv.slice(2, 4).map((file) => JSON.parse(readFileSync(file, "utf8")));
const [matcher, rounds, seconds] = [process.argv[4], Number(process.argv[5]), Number(process.argv[6])];

// globMatch reads globs as they are. regexMatch is faster, but wants expressions; one that is open at an end needs no
// anchor there.
function expression_of(glob) {
  const body = glob
    .replace(/[.+^${}()|\\]/g, "\\$&")
    .replace(/\[!/g, "[^")
    .replace(/\?/g, "[^]")
    .replace(/^\*|\*$/g, "")
    .replace(/\*/g, "[^]*");
  return (glob.startsWith("*") ? "" : "^") + body + (glob.endsWith("*") ? "" : "$");
}
const written = matcher === "regexMatch" ? expression_of : (glob) => glob;
const rules = (denied, allowed) => [
  ...denied.map((glob) => [written(glob), "deny"]),
  ...allowed.map((glob) => [written(glob), "allow"]),
];

const enforcer = await newEnforcer(
  newModelFromString(`
[request_definition]
r = action
r2 = resource

[policy_definition]
p = action, eft
p2 = resource, eft

[policy_effect]
e = priority(p.eft) || deny
e2 = priority(p.eft) || deny

[matchers]
m = ${matcher}(r.action, p.action)
m2 = ${matcher}(r2.resource, p2.resource)
`),
);
await enforcer.addNamedPolicies("p", rules(policy.denied_actions, policy.allowed_actions));
await enforcer.addNamedPolicies("p2", rules(policy.denied_resources, policy.allowed_resources));
const for_action = new EnforceContext("r", "p", "e", "m");
const for_resource = new EnforceContext("r2", "p2", "e2", "m2");

const is_allowed = ({ action, resource, sensitivity }) =>
  enforcer.enforceSync(for_action, action) &&
  enforcer.enforceSync(for_resource, resource) &&
  sensitivity <= policy.max_sensitivity_level;

// One round: all requests, as often as fits into the time; nanoseconds a decision.
function run_round() {
  const start = process.hrtime.bigint();
  let decisions = 0;
  let passed = 0;
  do {
    for (const request of requests) is_allowed(request);
    decisions += requests.length;
    passed = Number(process.hrtime.bigint() - start);
  } while (passed < seconds * 1e9);
  return passed / decisions;
}

const allowed = requests.map(is_allowed);
run_round(); // until it is compiled
const rounds_ns = Array.from({ length: rounds }, run_round);
const { version } = createRequire(import.meta.url)("casbin/package.json");
console.log(JSON.stringify({ version, rounds_ns, allowed }));
