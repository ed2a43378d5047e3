import { expect, test } from "bun:test";
import { bootEntry } from "../../../src/cli/kairos-agent/boot-entry.ts";
import { parseLine } from "../../../src/cli/kairos-agent/line.ts";
import { type AgentSetup, agentMachine, words } from "./machine.ts";

const FILES = {
  "/etc/cos/grub.cfg": [
    'menuentry "${title}" --id cos {',
    'menuentry "${title} (fallback)" --id fallback {',
    "  menuentry 'No id' {",
    'menuentry "Other" --id=other {',
    'echo "menuentry --id no {"',
  ].join("\n"),
  "/run/initramfs/cos-state/grub2/grub.cfg":
    'menuentry "x" --id cos {\nmenuentry "y" --id recovery {',
};
const OEM_LOCKED = "#cloud-config\ninstall: {encrypted_partitions: [COS_OEM]}\n";
const run = (line: string, setup: AgentSetup = { files: FILES }) => {
  const machine = agentMachine(setup);
  const answer = bootEntry(machine, parseLine(words(line)));
  return { answer, env: machine.system.files.readText("/oem/grubenv") ?? "" };
};

test("bootentry lists the entries of all menus once", () => {
  expect(run("bootentry").answer).toMatchObject({
    stdout: "cos\nfallback\nNo id\nother\nrecovery\n",
    status: 0,
  });
});

test.each(["--select fallback", "-s fallback", "--select=fallback"])("bootentry %s", (flags) => {
  const { answer, env } = run(`bootentry ${flags}`);
  expect(answer).toMatchObject({
    stdout:
      "1970-01-01T00:00:01Z INF Setting default boot entry to fallback\n1970-01-01T00:00:02Z INF Default boot entry set to fallback\n",
    status: 0,
  });
  expect(env).toStartWith("# GRUB Environment Block\nnext_entry=fallback\n#");
  expect(env).toHaveLength(1024);
});

test.each([
  [
    "an unknown entry",
    { files: FILES },
    "ERR entry bogus does not exist\nentry bogus does not exist\n",
  ],
  ["an ordinary user", { files: FILES, userId: 1 }, "this command requires root privileges\n"],
  ["no menu", {}, "\nfailed to get any required GRUB configuration file\n"],
  [
    "a damaged environment",
    {
      files: {
        ...FILES,
        "/etc/cos/grub.cfg": 'menuentry "bogus" {',
        "/oem/grubenv": "x".repeat(1024),
      },
    },
    "ERR could not set default boot entry: Cannot read /oem/grubenv",
  ],
])("bootentry --select fails with %s", (_, setup, text) => {
  const { answer } = run("bootentry --select bogus", setup);
  expect(answer).toMatchObject({ status: 1, stdout: expect.stringContaining(text) });
});

test.each([
  ["on a unified kernel image", { "/proc/cmdline": "rd.immucore.uki" }],
  ["with an encrypted COS_OEM", { "/oem/a.yaml": OEM_LOCKED }],
])("bootentry --select %s is for the original", (_, files) => {
  const { answer, env } = run("bootentry -s cos", { files: { ...FILES, ...files } });
  expect(answer).toBeUndefined();
  expect(env).toBe("");
});
