import { expect, test } from "bun:test";
import { answerTo } from "../../../src/cli/kairos-agent/answer.ts";
import { agentMachine, KAIROS, words } from "./machine.ts";

const INSTALL =
  "Install Kairos' own program as /usr/bin/kairos or /usr/bin/kairos-agent beside tandem.\n";
const only = (verb: string): string =>
  `Cannot run ${verb}: tandem does not have this part of kairos-agent. ${INSTALL}`;

test.each([
  ["bogus x", { status: 3, stderr: "No help topic for 'bogus'\n" }],
  ["reset --reboot", { status: 1, stdout: only("reset") }],
  ["state apply", { status: 1, stdout: only("state") }],
  ["config set x", { status: 1, stdout: only("config") }],
  ["config get a|b", { status: 1, stdout: only("config") }],
  ["state get boot", { stdout: "active_boot" }],
  ["--debug state g bogus", { stdout: "<nil>" }],
  [
    "state get addresses",
    {
      status: 1,
      stdout: `Cannot tell "addresses" of the state: tandem knows what is below uuid, persistent, recovery, oem, state, boot, in_ram, kairos. ${INSTALL}`,
    },
  ],
  ["version", { stdout: "kairos v0.0.0\n" }],
  ["--debug version -l", { stdout: "kairos v0.0.0\nbun    unknown\n" }],
  ["--version", { stdout: "kairos-agent version v0.0.0\n" }],
  ["uuid", { stdout: "-" }],
  [
    "--bogus state",
    {
      status: 1,
      stdout:
        "Incorrect Usage: flag provided but not defined: -bogus\n\nflag provided but not defined: -bogus\n",
    },
  ],
  [
    "upgrade --bogus",
    {
      status: 1,
      stdout:
        "Incorrect Usage: flag provided but not defined: -bogus\n\nflag provided but not defined: -bogus\n",
    },
  ],
])("without the original, kairos-agent %s", (line, expected) => {
  expect(answerTo(agentMachine(), words(line))).toEqual({
    kind: "print",
    stdout: "",
    stderr: "",
    status: 0,
    ...expected,
  });
});

test.each(["", "--help", "help", "upgrade --help"])(
  "without the original, kairos-agent %s prints the help",
  (line) => {
    const answer = answerTo(agentMachine(), words(line));
    expect(answer).toMatchObject({ kind: "print", status: 0 });
    expect(answer.kind === "print" && answer.stdout).toContain("Usage: kairos-agent");
  },
);

test.each([
  "",
  "bogus x",
  "reset --reboot",
  "state",
  "state get system.os.name",
  "state get boot.more",
  "config get a|b",
  "--version",
  "--help",
  "--new-flag state",
  "state --new-flag",
  "grubedit --new-flag",
  "grubedit new",
  "upgrade --help",
  "version --new-flag",
])("the original, where it is, runs kairos-agent %s", (line) => {
  expect(answerTo(agentMachine({ original: true }), words(line))).toEqual({
    kind: "run",
    call: { path: KAIROS, name: "kairos-agent", args: words(line) },
  });
});

test.each(["state get boot", "state get oem.found", "config", "uuid", "version"])(
  "beside the original tandem answers kairos-agent %s itself",
  (line) => {
    const links = { "/dev/disk/by-label/COS_OEM": "../../vda2" };
    const beside = agentMachine({ original: true, links });
    expect(answerTo(beside, words(line))).toMatchObject({ kind: "print", status: 0 });
  },
);

test("beside the original tandem refuses an upgrade", () => {
  const beside = agentMachine({ original: true, userId: 1000 });
  expect(answerTo(beside, ["upgrade", "--source", "oci:a"])).toMatchObject({
    stdout: "this command requires root privileges\n",
    status: 1,
  });
});
