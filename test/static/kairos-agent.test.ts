/** The built binary under the name kairos-agent, with and without a program that stands for the original. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { linkSync, mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";

import { TANDEM } from "../binary/appliance.ts";
import { command } from "../peers/command.ts";
import { temporaryFolder, type TemporaryFolder } from "../peers/temporary-folder.ts";
import { makeRoot, runIn, SETUP } from "./chroot.ts";
import type { Outcome } from "./probe.ts";

const ACTIVE = 'mount --bind "$0/cmdline" "$0/proc/cmdline"';
const SETUPS = [SETUP.proc, ACTIVE];
const AGENT = "/usr/local/bin/kairos-agent";

let tools: TemporaryFolder;
beforeAll(async () => {
  tools = await temporaryFolder();
  const source = join(import.meta.dir, "fake-kairos.c");
  await command("cc", "-static", "-o", tools.in("fake-kairos"), source);
});
afterAll(() => tools[Symbol.asyncDispose]());

/** A root folder booted from the active system, with a link kairos-agent to tandem, and the original at `original`. */
async function kairosRoot(original?: string): Promise<TemporaryFolder> {
  const root = await makeRoot({
    texts: { cmdline: "root=LABEL=COS_ACTIVE cos-img/filename=/cOS/active.img\n" },
    copies: {
      tandem: TANDEM,
      ...(original === undefined ? {} : { [original]: tools.in("fake-kairos") }),
    },
  });
  mkdirSync(root.in(dirname(AGENT)), { recursive: true });
  symlinkSync("/tandem", root.in(AGENT));
  return root;
}

const agent = (
  root: TemporaryFolder,
  line: string,
  program: readonly string[] = [AGENT],
): Outcome => runIn(root, SETUPS, [...program, ...line.split(" ").filter((word) => word !== "")]);

const printed = (words: readonly string[]): string =>
  ["kairos-agent", ...words].map((word) => `word: ${word}\n`).join("");

test.each(["usr/bin/kairos", "usr/bin/kairos-agent"])(
  "with /%s every other verb runs there, with its status",
  async (path) => {
    await using root = await kairosRoot(path);
    for (const program of [[AGENT], ["/tandem", "kairos-agent"]])
      expect(agent(root, "--debug run-stage boot status=42", program)).toEqual({
        stdout: printed(["--debug", "run-stage", "boot", "status=42"]),
        stderr: "an error\n",
        status: 42,
      });
  },
);

test("the original gets the environment and the input, and no ignored signal", async () => {
  await using root = await kairosRoot("usr/bin/kairos");
  const start = 'echo "one line" | env -i A=1 B= "$(command -v chroot)" "$0" "$@"; exit';
  const { stdout } = runIn(root, [...SETUPS, start], [AGENT, "start"]);
  expect(stdout).toBe(`${printed(["start"])}variable: A=1\nvariable: B=\ninput: one line\n`);
});

test("an upgrade is checked and is tandem's own, also beside the original", async () => {
  await using root = await kairosRoot("usr/bin/kairos");
  expect(agent(root, "upgrade --source docker:a/b")).toEqual({
    stdout: "source docker:a/b does not match any of oci:, dir:, file: or ocifile: \n",
    stderr: "",
    status: 1,
  });
  const { stdout, stderr, status } = agent(root, "upgrade --debug --source oci:a/b:1");
  expect({ stderr, status }).toEqual({ stderr: "", status: 1 });
  expect(stdout).toContain("Z INF Boot Mode boot_mode=active_boot\n");
  expect(stdout).toContain("\nNo users found in any stage that are part of the 'admin' group.\n");
});

test("links at both places do not make tandem run itself", async () => {
  await using root = await kairosRoot();
  mkdirSync(root.in("usr/bin"));
  symlinkSync("/tandem", root.in("usr/bin/kairos"));
  linkSync(root.in("tandem"), root.in("usr/bin/kairos-agent"));
  expect(agent(root, "reset")).toMatchObject({ status: 1, stderr: "" });
  expect(agent(root, "bogus")).toEqual({
    stdout: "",
    stderr: "No help topic for 'bogus'\n",
    status: 3,
  });
});

test("without the original it tells its state and its version", async () => {
  await using root = await kairosRoot();
  expect(agent(root, "state get boot")).toEqual({ stdout: "active_boot", stderr: "", status: 0 });
  const { stdout } = agent(root, "version");
  expect(stdout).toMatch(/^kairos v\d+\.\d+\.\d+\n$/);
  expect(agent(root, "--version").stdout).toBe(stdout.replace("kairos", "kairos-agent version"));
  expect(agent(root, "--version", ["/tandem"]).stdout).toStartWith("tandem ");
});
