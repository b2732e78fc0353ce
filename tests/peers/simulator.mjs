// The head of a peer: starts the simulator that its command line or environment names, speaks to its /control/, and ends
// with 0, or with 1 and what failed.
//
//   node PEER.mjs PATH_TO_simulator      (or VARIABLE=PATH node PEER.mjs)
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

// Plays `act(world)`, where `world` is what the simulator says of itself, within so many seconds.
export async function play({ peer, variable, seconds }, act) {
  const program = process.argv[2] ?? process.env[variable];
  if (!program) {
    console.error(`usage: node ${process.argv[1]} PATH_TO_simulator (or ${variable}=PATH)`);
    process.exit(2);
  }
  const simulator = spawn(program, [], { stdio: ["ignore", "pipe", "inherit"] });
  const finish = (error) => {
    simulator.kill();
    if (error) console.error("FAILED:", error.stack ?? error);
    else console.log(`${peer} and the simulator agree`);
    process.exit(error ? 1 : 0);
  };
  simulator.on("error", finish);
  setTimeout(() => finish(new Error(`nothing happened for ${seconds} s`)), seconds * 1000);
  try {
    await act(await first_line(simulator.stdout));
    finish();
  } catch (error) {
    finish(error);
  }
}

async function first_line(stream) {
  for await (const line of createInterface({ input: stream })) return JSON.parse(line);
  throw new Error("the simulator said nothing");
}

export async function control(port, what, body) {
  const options = body ? { method: "POST", body: JSON.stringify(body) } : {};
  const answer = await fetch(`http://127.0.0.1:${port}/control/${what}`, options);
  assert.equal(answer.status, 200, `/control/${what}`);
  return answer.json();
}

// What the platform refuses with, in the words of the library's `kind` of error.
export async function refusal(promise, kind) {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof kind, `not the platform's refusal: ${error}`);
    return error;
  }
  assert.fail("should have been refused");
}
