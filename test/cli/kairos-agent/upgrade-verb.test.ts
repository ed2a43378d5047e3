import { expect, test } from "bun:test";
import { parseLine } from "../../../src/cli/kairos-agent/line.ts";
import { upgrade } from "../../../src/cli/kairos-agent/upgrade-verb.ts";
import { type AgentSetup, agentMachine, KAIROS, words } from "./machine.ts";

const UNIFIED = {
  files: {
    "/proc/cmdline": "rd.immucore.uki",
    "/sys/firmware/efi/efivars/LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f": "x",
    "/sys/firmware/efi/efivars/LoaderEntrySelected-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f":
      "active.conf",
  },
};
const run = (line: string, setup: AgentSetup = {}) =>
  upgrade(agentMachine(setup), parseLine(words(line)));

test.each([[{}], [{ original: true }]])("with %j an upgrade is tandem's own", (setup) => {
  expect(run("upgrade --source oci:a", setup)).toMatchObject({ kind: "work" });
  expect(run("upgrade", setup)).toMatchObject({ kind: "work" });
  expect(run("upgrade list-releases", setup)).toMatchObject({ kind: "work" });
});

test("the original upgrades a machine with unified kernel images, and prints its help", () => {
  const original = { ...UNIFIED, original: true };
  const call = { path: KAIROS, name: "kairos-agent" };
  expect(run("--debug upgrade --source oci:a --debug", original)).toEqual({
    kind: "run",
    call: { ...call, args: ["--debug", "--debug", "upgrade", "--source", "oci:a"] },
  });
  expect(run("upgrade --help", { original: true })).toMatchObject({
    call: { ...call, args: ["upgrade", "--help"] },
  });
});

test("without the original a machine with unified kernel images is refused", () => {
  expect(run("upgrade --image a", UNIFIED)).toMatchObject({
    status: 1,
    stdout: expect.stringMatching(
      /^--image flag is deprecated.*\nCannot upgrade this machine: it boots unified/,
    ),
  });
  expect(run("upgrade list-releases", UNIFIED)).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('You are running in "trusted boot" mode\n'),
  });
});

test("an unknown flag is not passed on: the original would upgrade without tandem", () => {
  expect(run("upgrade --bogus", { original: true })).toMatchObject({ kind: "print", status: 1 });
});
