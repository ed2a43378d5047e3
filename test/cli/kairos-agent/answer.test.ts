import { expect, test } from "bun:test";
import { type AgentMachine, answerTo } from "../../../src/cli/kairos-agent/answer.ts";
import { memoryFiles } from "../../fakes/files.ts";

const KAIROS = "/usr/bin/kairos";
const machine = ({ original = false, userId = 0 } = {}): AgentMachine => ({
  system: {
    files: memoryFiles({ "/proc/cmdline": "root=LABEL=COS_ACTIVE" }),
    readLink: () => undefined,
    isExecutable: (path) => original && path === KAIROS,
    userId,
  },
  programs: { isSelf: () => false },
});
const words = (line: string): string[] => line.split(" ").filter((word) => word !== "");
const INSTALL =
  "Install Kairos' own program as /usr/bin/kairos or /usr/bin/kairos-agent beside tandem.\n";

test.each([
  ["bogus x", { status: 3, stderr: "No help topic for 'bogus'\n" }],
  [
    "reset --reboot",
    {
      status: 1,
      stdout: `Cannot run reset: tandem does not have this verb of kairos-agent. ${INSTALL}`,
    },
  ],
  [
    "state",
    {
      status: 1,
      stdout: `Cannot run state: tandem does not have this verb of kairos-agent. ${INSTALL}`,
    },
  ],
  ["state get boot", { stdout: "active_boot" }],
  [
    "state get",
    {
      status: 1,
      stdout:
        "state get needs a KEY: boot, in_ram, kairos.flavor, kairos.version, oem.found, oem.name\n",
    },
  ],
  ["--debug state g bogus", { stdout: "<nil>" }],
  [
    "state get uuid",
    { status: 1, stdout: `Cannot tell "uuid" of the state: tandem does not know it. ${INSTALL}` },
  ],
  ["version", { stdout: "kairos v0.0.0\n" }],
  ["--debug version -l", { stdout: "kairos v0.0.0\nbun    unknown\n" }],
  ["--version", { stdout: "kairos-agent version v0.0.0\n" }],
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
  [
    "upgrade list-releases",
    { status: 1, stdout: `Cannot run upgrade list-releases: tandem does not have it. ${INSTALL}` },
  ],
  [
    "upgrade --image a",
    {
      status: 1,
      stdout: `--image flag is deprecated, please use --source\nCannot upgrade this machine: this version of tandem cannot upgrade a Kairos layout yet. ${INSTALL}`,
    },
  ],
])("without the original, kairos-agent %s", (line, expected) => {
  expect(answerTo(machine(), words(line))).toEqual({
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
    const answer = answerTo(machine(), words(line));
    expect(answer).toMatchObject({ kind: "print", status: 0 });
    expect(answer.kind === "print" && answer.stdout).toContain("Usage: kairos-agent");
  },
);

test("without the original and without a source, the upgrade says what is missing", () => {
  const answer = answerTo(machine(), ["upgrade"]);
  expect(answer).toMatchObject({ status: 1, stdout: expect.stringContaining("--source") });
});

test.each([
  "",
  "bogus x",
  "reset --reboot",
  "state get boot",
  "--version",
  "--help",
  "--new-flag state",
  "upgrade",
  "upgrade --new-flag",
  "upgrade --help",
  "upgrade list-releases --all",
  "upgrade --source oci:a/b",
  "version --new-flag",
])("the original, where it is, runs kairos-agent %s", (line) => {
  expect(answerTo(machine({ original: true }), words(line))).toEqual({
    kind: "run",
    call: { path: KAIROS, name: "kairos-agent", args: words(line) },
  });
});

test("beside the original tandem refuses an upgrade and tells its own version", () => {
  const beside = machine({ original: true, userId: 1000 });
  expect(answerTo(beside, ["upgrade", "--source", "oci:a"])).toMatchObject({
    stdout: "this command requires root privileges\n",
    status: 1,
  });
  expect(answerTo(beside, ["version"])).toMatchObject({ stdout: "kairos v0.0.0\n" });
});
