import { expect, test } from "bun:test";
import { parseLine } from "../../../src/cli/kairos-agent/line.ts";
import { state, stateValue } from "../../../src/cli/kairos-agent/state.ts";
import { agentMachine } from "./machine.ts";

const FILES = {
  "/proc/cmdline": "root=LABEL=COS_PASSIVE\n",
  "/etc/kairos-release": 'KAIROS_FLAVOR="debian"\nKAIROS_VERSION="v0.2.0"\n',
  "/dev/disk/by-label/COS_OEM": "",
  "/sys/class/block/sda2/size": "131072\n",
  "/etc/machine-id": "abc\n",
  "/proc/sys/kernel/hostname": "box\n",
  "/sbin/openrc": "",
  "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c": new Uint8Array([
    6, 0, 0, 0, 1,
  ]),
};
const links = { "/dev/disk/by-label/COS_OEM": "../../sda2" };
const { system } = agentMachine({ files: FILES, links });

test.each([
  ["boot", "passive_boot"],
  ["in_ram", "false"],
  ["uuid", "abc-box"],
  ["kairos.flavor", "debian"],
  ["kairos.version", "v0.2.0"],
  ["kairos.init", "openrc"],
  ["kairos.secureboot", "true"],
  ["oem.found", "true"],
  ["oem.name", "/dev/sda2"],
  ["oem.mounted", "false"],
  ["oem.size_bytes", "6.7108864e+07"],
  ["persistent.found", "false"],
  ["state.name", ""],
  [
    "recovery",
    "map[filesystemlabel: found:false label: mount_point: mounted:false name: read_only:false size_bytes:0 type: uuid:]",
  ],
  ["bogus", "<nil>"],
  ["toString", "<nil>"],
  ["kairos.bogus", "<nil>"],
  ["oem.bogus.more", "<nil>"],
  ["kairos", undefined],
  ["kairos.eficerts.db", undefined],
  ["system.os.name", undefined],
  ["boot.more", undefined],
  ["oem.name.more", undefined],
  ["", undefined],
  ["addresses[0]", undefined],
])("state get %j is %j", (key, value) => {
  expect(stateValue(system, key)).toBe(value);
});

test("what is found by label cannot be told where devices are not listed by label", () => {
  expect(stateValue(agentMachine().system, "oem.found")).toBeUndefined();
  expect(stateValue(agentMachine().system, "oem")).toBeUndefined();
});

test("without kairos-release flavor and version are empty", () => {
  expect(stateValue(agentMachine().system, "kairos.version")).toBe("");
  expect(stateValue(agentMachine().system, "kairos.init")).toBe("unknown");
});

test("state alone prints all that is known", () => {
  const answer = state(agentMachine({ files: FILES, links }), parseLine(["state"]));
  const text = answer?.kind === "print" ? answer.stdout : "";
  expect(text).toStartWith("uuid: abc-box\npersistent:\n    mounted: false\n");
  expect(Bun.YAML.parse(text)).toMatchObject({
    oem: { name: "/dev/sda2", found: true },
    boot: "passive_boot",
    kairos: { version: "v0.2.0" },
  });
  const unknown = state(agentMachine(), parseLine(["state"]));
  expect(unknown).toMatchObject({ stdout: expect.not.stringContaining("oem") });
});
