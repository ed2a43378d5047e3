import { expect, test } from "bun:test";
import { partitionState } from "../../../src/cli/kairos-agent/partition-state.ts";
import { agentMachine } from "./machine.ts";

const FILES = {
  "/sys/class/block/vda4/dev": "253:4\n",
  "/sys/class/block/vda4/size": "12564447\n",
  "/sys/class/block/vda4/ro": "0\n",
  "/run/udev/data/b253:4":
    "S:disk/by-label/COS_STATE\nE:ID_FS_TYPE=ext4\nE:ID_PART_ENTRY_NAME=state\nE:ID_PART_ENTRY_UUID=1234-56\n",
  "/proc/self/mountinfo": "30 1 253:4 / /run/initramfs/cos-state ro,relatime - ext4 /dev/vda4 rw\n",
};
const links = { "/dev/disk/by-label/COS_STATE": "../../vda4" };

test("partitionState() tells what the kernel and udev know", () => {
  const { system } = agentMachine({ files: FILES, links });
  expect(partitionState(system, "COS_STATE")).toEqual({
    mounted: true,
    name: "/dev/vda4",
    label: "state",
    filesystemlabel: "COS_STATE",
    mount_point: "/run/initramfs/cos-state",
    size_bytes: 6_432_996_864,
    type: "ext4",
    read_only: true,
    found: true,
    uuid: "1234-56",
  });
});

test("partitionState() of a partition that is not mounted, without udev", () => {
  const { "/sys/class/block/vda4/dev": dev } = FILES;
  const { system } = agentMachine({ files: { "/sys/class/block/vda4/dev": dev }, links });
  expect(partitionState(system, "COS_STATE")).toMatchObject({
    found: true,
    mounted: false,
    mount_point: "",
    size_bytes: 0,
    read_only: false,
    type: "",
  });
});

test("partitionState() knows that there is none only where devices are listed by label", () => {
  const listed = agentMachine({ files: { "/dev/disk/by-label/COS_STATE": "" } });
  expect(partitionState(listed.system, "COS_OEM")).toMatchObject({ found: false, name: "" });
  expect(partitionState(agentMachine().system, "COS_OEM")).toBeUndefined();
});
