import { expect, test } from "bun:test";
import type { AgentUpgradeRequest } from "../../../src/cli/kairos-agent/upgrade.ts";
import { givenConfig, translateUpgrade } from "../../../src/cli/kairos-agent/upgrade-request.ts";
import { defaultConfig } from "../../../src/cli/config.ts";
import type { ConfigMap } from "../../../src/kairos/config-tree.ts";
import { upgradeConfigOf } from "../../../src/kairos/upgrade-config.ts";
import { memoryFiles } from "../../fakes/files.ts";

const CONFIG = {
  ...defaultConfig({ disk: undefined, config: undefined, json: false, debug: false, quiet: false }),
  insecureRegistries: ["own:5000"],
};
const NOTHING: AgentUpgradeRequest = {
  source: undefined,
  entry: undefined,
  excludedPaths: [],
  allowInsecureRegistries: false,
};
const translate = (request: Partial<AgentUpgradeRequest>) =>
  translateUpgrade(
    memoryFiles({}),
    upgradeConfigOf(givenConfig({ ...NOTHING, ...request })),
    CONFIG,
  );

test("an upgrade of the active system from a registry", () => {
  expect(translate({ source: "oci://r.io/a/b:1" })).toEqual({
    request: {
      source: "oci:r.io/a/b:1",
      slot: undefined,
      tries: 1,
      reboot: false,
      dryRun: false,
      retryBad: false,
      jobs: undefined,
      minimumBytes: 0,
      folders: [],
      menuTitle: undefined,
      minimumRate: CONFIG.minimumRate,
      exclude: [],
      insecureRegistries: ["own:5000"],
    },
    source: { kind: "image", shown: "r.io/a/b:1", noted: "oci://r.io/a/b:1" },
    isRecovery: false,
  });
});

const configured = (upgrade: ConfigMap) =>
  translateUpgrade(memoryFiles({}), upgradeConfigOf({ upgrade }), CONFIG).request;

test("size and folders of the configuration", () => {
  const system = { source: "oci:a", size: 100 };
  const folders = { "extra-dirs-rootfs": ["/data", "srv/x"] };
  expect(configured({ system, ...folders })).toMatchObject({
    minimumBytes: 100 * 1024 * 1024,
    folders: ["/data", "/srv/x"],
  });
  expect(() => configured({ system, "extra-dirs-rootfs": ["/a/../.."] })).toThrow(
    'Cannot make the folder "/a/../..": it leads out of the root',
  );
});

test("an upgrade of the recovery system", () => {
  expect(translate({ source: "docker:a", entry: "recovery" })).toMatchObject({
    request: { source: "oci:a:latest", slot: "recovery" },
    isRecovery: true,
  });
});

test.each([
  ["oci:r.io/a", false, []],
  ["oci:r.io:5000/a", true, ["r.io:5000"]],
  ["oci:10.1.2.3:5000/a", false, ["10.1.2.3:5000"]],
  ["dir:/x", true, []],
])("the insecure registries of %s, allowed: %p", (source, allowInsecureRegistries, hosts) => {
  const { request } = translate({ source, allowInsecureRegistries });
  expect(request.insecureRegistries).toEqual(["own:5000", ...hosts]);
});

test("what a running system has mounted is never taken from a folder", () => {
  const { request } = translate({ source: "dir:/", excludedPaths: ["/etc/hosts"] });
  expect(request).toMatchObject({ source: "dir:/", exclude: ["/etc/hosts"] });
  expect(request.skip).toContain("/proc");
});

test("the paths of an image begin with a slash or without one", () => {
  const { request } = translate({ source: "oci:a", excludedPaths: ["/etc/hosts", "etc/motd"] });
  expect(request.exclude).toEqual(["/etc/hosts", "etc/motd"]);
  expect(request.skip).toBeUndefined();
});

test("a file with a file system keeps its kind", () => {
  expect(translate({ source: "file:/x.img" }).request.source).toBe("file:/x.img");
});

test.each([
  [
    { source: "dir:/", excludedPaths: ["etc/hosts"] },
    `Cannot leave out "etc/hosts": want a whole path`,
  ],
  [{ source: "dir:/", excludedPaths: ["/etc/*"] }, `Cannot leave out "/etc/*": want a whole path`],
  [{ source: "oci:a", entry: "work" }, `Cannot upgrade the boot entry "work"`],
  [{}, "sanitizing the upgrade spec: could not find a proper source for the upgrade.\n"],
  [{ entry: "recovery" }, "could not find a proper source for the recovery upgrade.\n"],
  [{ source: "oci:A B" }, "Cannot read reference"],
  [{ source: "ocifile:/none" }, `Cannot open "/none"`],
])("%j is refused", (request, message) => {
  expect(() => translate(request)).toThrow(message);
});
