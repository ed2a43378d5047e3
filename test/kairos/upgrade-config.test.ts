import { expect, test } from "bun:test";
import { upgradeConfigOf } from "../../src/kairos/upgrade-config.ts";

const NOTHING = {
  entry: undefined,
  system: { source: undefined, sizeMiB: undefined },
  recovery: { source: undefined, sizeMiB: undefined },
  excludedPaths: [],
  extraFolders: [],
  allowInsecureRegistries: false,
  entryTitle: undefined,
  reboot: false,
  powerOff: false,
};

test.each([
  [undefined, {}],
  [{}, {}],
  [{ unknown: { a: 1 }, system: null }, {}],
  [{ entry: "work", recovery: true }, { entry: "work" }],
  [{ entry: "", recovery: true }, { entry: "recovery" }],
  [{ recovery: "true" }, { entry: "recovery" }],
  [{ recovery: "false" }, {}],
  [
    { system: { source: "oci:a", uri: "oci:b", size: 4096, fs: "ext2" } },
    { system: { source: "oci:a", sizeMiB: 4096 } },
  ],
  [
    { system: { source: "", uri: "oci:b", size: 0 } },
    { system: { source: "oci:b", sizeMiB: undefined } },
  ],
  [
    { "recovery-system": { uri: "oci:r", size: "100" } },
    { recovery: { source: "oci:r", sizeMiB: 100 } },
  ],
  [
    {
      "excluded-paths": ["/a"],
      "extra-dirs-rootfs": ["/b"],
      "allow-insecure-registries": true,
      "grub-entry-name": "Mine",
      reboot: "true",
      poweroff: true,
    },
    {
      excludedPaths: ["/a"],
      extraFolders: ["/b"],
      allowInsecureRegistries: true,
      entryTitle: "Mine",
      reboot: true,
      powerOff: true,
    },
  ],
] as const)("upgradeConfigOf(%j)", (upgrade, expected) => {
  const values = upgrade === undefined ? {} : { upgrade };
  expect(upgradeConfigOf(values)).toEqual({ ...NOTHING, ...expected } as never);
});

test.each([
  [{ recovery: "please" }, "Cannot use the configuration: upgrade.recovery: must be true or false"],
  [{ recovery: [] }, "Cannot use the configuration: upgrade.recovery: must be true or false"],
  [
    { system: { size: "big" } },
    "Cannot use the configuration: upgrade.system.size: must be a number of MiB",
  ],
  [
    { system: { size: 1.5 } },
    "Cannot use the configuration: upgrade.system.size: must be a whole number of MiB",
  ],
  [
    { "excluded-paths": "x" },
    "Cannot use the configuration: upgrade.excluded-paths: must be a list of texts",
  ],
  [
    { system: { source: { a: 1 } } },
    "Cannot use the configuration: upgrade.system.source: must be a text",
  ],
])("upgradeConfigOf(%j) is refused", (upgrade, message) => {
  expect(() => upgradeConfigOf({ upgrade })).toThrow(message);
});

test("upgradeConfigOf() refuses a text where keys belong", () => {
  expect(() => upgradeConfigOf({ upgrade: "oci:a" })).toThrow(
    "Cannot use the configuration: upgrade",
  );
});
