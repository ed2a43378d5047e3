import type { WrittenSlot } from "../../src/control/state.ts";

export const WRITTEN: WrittenSlot = {
  status: "written",
  source: "oci:registry.example/os:1",
  digest: `sha256:${"1".repeat(64)}`,
  version: "Debian 12",
  writtenAt: "2026-11-22T12:00:00.000Z",
  sizeBytes: 512 * 1024 * 1024,
  hashRoot: "2".repeat(64),
  runs: [
    [0, 1000],
    [2048, 7],
  ],
  label: "tandem-b",
  uuid: "0fc63daf-8483-4772-8e79-3d69d8477de4",
  kernel: { kernel: "/boot/vmlinuz", initrd: "/boot/initrd", options: "quiet" },
  verifiedAt: "2026-11-22T12:01:00.000Z",
};
