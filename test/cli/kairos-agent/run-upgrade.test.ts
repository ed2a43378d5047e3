import { expect, test } from "bun:test";
import { type AskedUpgrade, upgradeWork } from "../../../src/cli/kairos-agent/run-upgrade.ts";
import type { Deploy, Deployment } from "../../../src/cli/kairos-agent/deploy.ts";
import { TandemError } from "../../../src/lib/error.ts";
import type { UpgradeReport } from "../../../src/upgrade/upgrade.ts";
import { type AgentSetup, agentMachine } from "./machine.ts";

const ADMIN = "#cloud-config\nusers: [{name: kairos, groups: [admin]}]\n";
const FILES = {
  "/oem/a.yaml": ADMIN,
  "/etc/kairos-release": 'KAIROS_VERSION="v0.1.0"\n',
  "/dev/disk/by-label/COS_STATE": "",
  "/sys/class/block/vda5/dev": "253:5",
  "/proc/self/mountinfo":
    "30 1 253:5 /x /var/log rw - ext4 d rw\n31 1 253:5 / /usr/local rw - ext4 d rw\n",
};
const links = {
  "/dev/disk/by-label/COS_STATE": "../../vda4",
  "/dev/disk/by-label/COS_PERSISTENT": "../../vda5",
};
const UPGRADED = {
  outcome: "upgraded",
  slot: "b",
  digest: "sha256:1",
  version: "v0.2.0",
  bytesWritten: 1,
  tries: 1,
} as unknown as UpgradeReport;
const ASKED: AskedUpgrade = {
  request: {
    source: "oci:r.io/os:0.2.0",
    entry: undefined,
    excludedPaths: [],
    allowInsecureRegistries: false,
  },
  debug: false,
  notices: [],
  bootState: "active_boot",
};

interface Story extends AgentSetup {
  readonly asked?: Partial<AskedUpgrade>;
  readonly report?: UpgradeReport;
  readonly fault?: Error;
  readonly stopped?: boolean;
}

/** Runs an upgrade in which only the work on the disk is made up. */
async function run(story: Story = {}) {
  const { system } = agentMachine({ links, ...story, files: { ...FILES, ...story.files } });
  const written: Record<string, string> = {};
  const commands: (readonly string[])[] = [];
  const naps: number[] = [];
  const deployed: Deployment[] = [];
  const exported: Record<string, string> = {};
  let text = "";
  const deploy: Deploy = (_, deployment) => {
    deployed.push(deployment);
    return story.fault === undefined
      ? Promise.resolve(story.report ?? UPGRADED)
      : Promise.reject(story.fault);
  };
  const machine = {
    system: {
      ...system,
      replaceFile: (path: string, content: string | Uint8Array) =>
        void (written[path] = String(content)),
      run: (command: readonly string[]) => {
        commands.push(command);
        return Promise.resolve({ status: 0, stdout: "", stderr: "" });
      },
      probe: {
        ...system.probe,
        pause: (seconds: number) => Promise.resolve(void naps.push(seconds)),
      },
    },
  };
  const stop = new AbortController();
  if (story.stopped === true) stop.abort();
  const status = await upgradeWork(
    machine,
    { ...ASKED, ...story.asked },
    deploy,
  )({
    print: (part) => void (text += part),
    export: (name, value) => void (exported[name] = value),
    signal: stop.signal,
  });
  // The times only tell the order.
  const lines = text.replaceAll(/^1970-01-01T[0-9:]{8}Z /gm, "").split("\n");
  return { status, lines, written, commands, naps, deployed, exported, system };
}

test("an upgrade prints what scripts look for, and notes itself", async () => {
  const { status, lines, written, deployed } = await run();
  expect(lines).toEqual([
    "INF Kairos Agent version=v0.0.0",
    "INF Kairos System version=v0.1.0",
    "INF Boot Mode boot_mode=active_boot",
    "INF Boot in uki mode result=false",
    "INF Upgrade completed",
    "WRN Remember that recovery is upgraded separately by passing the --recovery flag to the upgrade command!",
    "See more info about this on https://kairos.io/docs/upgrade/",
    "INF Default boot entry set to cos",
    "",
  ]);
  expect(status).toBe(0);
  expect(deployed[0]?.translated.request).toMatchObject({ source: "oci:r.io/os:0.2.0", tries: 1 });
  expect(Object.keys(written)).toEqual(["/usr/local/.kairos-state"]);
  expect(written["/usr/local/.kairos-state"]).toContain(
    "last-active-source: oci://r.io/os:0.2.0\n",
  );
});

test("an upgrade of the recovery system leaves the boot entry alone", async () => {
  const links2 = { ...links, "/dev/disk/by-label/COS_RECOVERY": "../../vda3" };
  const asked = { request: { ...ASKED.request, entry: "recovery" } };
  const { lines, written } = await run({ asked, links: links2 });
  expect(lines.slice(4)).toEqual(["INF Upgrade completed", ""]);
  expect(written["/usr/local/.kairos-state"]).toContain(
    "last-recovery-source: oci://r.io/os:0.2.0\n",
  );
});

test("nothing to do is a success, and is not noted", async () => {
  const report: UpgradeReport = { outcome: "nothing", reason: "it runs", digest: "sha256:1" };
  const { status, lines, written } = await run({ report });
  expect(status).toBe(0);
  expect(lines.slice(4, 6)).toEqual(["INF Nothing to do: it runs", "INF Upgrade completed"]);
  expect(written).toEqual({});
});

test("without COS_PERSISTENT nothing is noted", async () => {
  const { status, written } = await run({ files: { "/proc/self/mountinfo": "" } });
  expect({ status, written }).toEqual({ status: 0, written: {} });
});

test("notices, warnings and the environment of the configuration", async () => {
  const files = {
    "/oem/b.yaml": "#cloud-config\nenv: ['HTTPS_PROXY=http://p:1/?a=b', nonsense]\ndebug: true\n",
    "/oem/grubenv": "",
  };
  const { lines, exported } = await run({ files, asked: { notices: ["one notice"] } });
  expect(lines.slice(0, 2)).toEqual(["one notice", "warning: skipping /oem/grubenv (extension)."]);
  expect(exported).toEqual({ HTTPS_PROXY: "http://p:1/?a=b" });
});

test("the source may stand in the configuration", async () => {
  const files = { "/oem/b.yaml": "#cloud-config\nupgrade: {system: {uri: 'docker:r.io/x'}}\n" };
  const asked = { request: { ...ASKED.request, source: undefined } };
  const { deployed } = await run({ files, asked });
  expect(deployed[0]?.translated.request.source).toBe("oci:r.io/x:latest");
});

test.each([
  ["reboot: true", [], 1, "INF Rebooting node in 5s, press Ctrl+C to cancel"],
  [
    "poweroff: true",
    [["shutdown", "now"]],
    0,
    "INF Powering off node in 5s, press Ctrl+C to cancel",
  ],
])("upgrade.%s", async (key, ...[commands, reboots, line]) => {
  const result = await run({ files: { "/oem/b.yaml": `#cloud-config\nupgrade: {${key}}\n` } });
  expect(result).toMatchObject({ status: 0, commands, naps: [5] });
  expect("reboots" in result.system && result.system.reboots).toHaveLength(reboots);
  expect(result.lines).toContain(line);
});

test("a request to stop during the pause keeps the machine up", async () => {
  const files = { "/oem/b.yaml": "#cloud-config\nupgrade: {poweroff: true}\n" };
  const { status, commands, lines } = await run({ files, stopped: true });
  expect({ status, commands }).toEqual({ status: 1, commands: [] });
  expect(lines).toContain("ERR Upgrade failed tandem_status=130 tandem_error=interrupted");
});

test("a failure has the status and the text of the original, and that of tandem in the log", async () => {
  const fault = new TandemError("no-space", "Cannot write: need 2, have 1", { hint: "Free one." });
  const { status, lines, written } = await run({ fault });
  expect(status).toBe(1);
  expect(lines.slice(4)).toEqual([
    "INF hint: Free one.",
    "ERR Upgrade failed tandem_status=7 tandem_error=no-space",
    "Cannot write: need 2, have 1",
    "",
  ]);
  expect(written).toEqual({});
});

test("a bug is told as one", async () => {
  const { status, lines } = await run({ fault: new Error("Assertion failed") });
  expect(status).toBe(1);
  expect(lines).toContain("ERR Upgrade failed tandem_status=1 tandem_error=unexpected");
  expect(lines.at(-2)).toBe("Assertion failed");
});

test.each<[string, Story, string]>([
  [
    "no admin user",
    { files: { "/oem/a.yaml": "#cloud-config\nx: 1\n" } },
    "No users found in any stage that are part of the 'admin' group.",
  ],
  [
    "no source",
    { asked: { request: { ...ASKED.request, source: undefined } } },
    "sanitizing the upgrade spec: could not find a proper source for the upgrade.",
  ],
  [
    "no partition of recovery",
    { asked: { request: { ...ASKED.request, entry: "recovery" } } },
    "sanitizing the upgrade spec: undefined recovery partition",
  ],
  [
    "no partition of state",
    { links: {} },
    "sanitizing the upgrade spec: undefined state partition",
  ],
  [
    "a configuration of the wrong kind",
    { files: { "/oem/b.yaml": "#cloud-config\nupgrade: {recovery: 7}\n" } },
    "Cannot use the configuration: upgrade.recovery: must be true or false",
  ],
])("%s ends the upgrade before the disk is touched", async (_, story, text) => {
  const { status, lines, deployed } = await run(story);
  expect(status).toBe(1);
  expect(lines).toContain(text);
  expect(deployed).toEqual([]);
});
