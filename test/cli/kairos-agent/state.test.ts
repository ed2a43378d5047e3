import { expect, test } from "bun:test";
import { stateValue } from "../../../src/cli/kairos-agent/state.ts";
import { memoryFiles } from "../../fakes/files.ts";

const FILES = {
  "/proc/cmdline": "root=LABEL=COS_PASSIVE\n",
  "/etc/kairos-release": 'KAIROS_FLAVOR="debian"\nKAIROS_VERSION="v0.2.0"\n',
  "/dev/disk/by-label/COS_OEM": "",
};
const machine = (files: Readonly<Record<string, string>>, link?: string) => ({
  files: memoryFiles(files),
  readLink: (path: string) => (path === "/dev/disk/by-label/COS_OEM" ? link : undefined),
});

test.each([
  ["boot", "passive_boot"],
  ["in_ram", "false"],
  ["kairos.flavor", "debian"],
  ["kairos.version", "v0.2.0"],
  ["oem.found", "true"],
  ["oem.name", "/dev/sda2"],
  ["bogus", "<nil>"],
  ["kairos.bogus", "<nil>"],
  ["oem.bogus.more", "<nil>"],
  ["uuid", undefined],
  ["oem", undefined],
  ["oem.mounted", undefined],
  ["kairos", undefined],
  ["kairos.eficerts.db", undefined],
  ["persistent.found", undefined],
  ["system.os.name", undefined],
  ["boot.more", undefined],
  ["", undefined],
  ["addresses[0]", undefined],
])("state get %j is %j", (key, value) => {
  expect(stateValue(machine(FILES, "../../sda2"), key)).toBe(value);
});

test("a machine without an OEM partition says so, if its devices are listed by label", () => {
  const without = machine({ "/dev/disk/by-label/COS_STATE": "" });
  expect(stateValue(without, "oem.found")).toBe("false");
  expect(stateValue(without, "oem.name")).toBe("");
  expect(stateValue(machine({}), "oem.found")).toBeUndefined();
  expect(stateValue(machine({}), "oem.name")).toBeUndefined();
});

test("without kairos-release flavor and version are empty", () => {
  expect(stateValue(machine({}), "kairos.version")).toBe("");
});
