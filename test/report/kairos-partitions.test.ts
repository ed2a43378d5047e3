import { expect, test } from "bun:test";
import { kairosPartitionParts } from "../../src/report/kairos-partitions.ts";
import type { System } from "../../src/system/system.ts";
import { envBlock } from "../../scripts/disk/env-block.ts";
import { memoryFiles } from "../fakes/files.ts";
import { memorySystem } from "../fakes/machine.ts";
import { type FakeSetup, kairosKernel } from "../slot/kairos/kairos-kernel.ts";
import { system as imageOf, uuidOf } from "../slot/kairos/systems.ts";
import { collected } from "./collected.ts";

const STATE = "/run/initramfs/cos-state";
const MOUNTS = [
  { device: "7:0", path: "/" },
  { device: "8:4", path: STATE },
  { device: "8:3", path: "/mnt/recovery" },
  { device: "8:2", path: "/oem" },
];

type Content = Readonly<Record<string, string | Uint8Array>>;

/** The files lie in memory, at the paths where the partitions are mounted. */
function machineWith(content: Content, setup: FakeSetup = {}): System {
  const kernel = kairosKernel({ loops: { loop0: {} }, mounts: MOUNTS, ...setup });
  const own = memoryFiles(content);
  return {
    ...memorySystem(),
    ...kernel,
    files: {
      ...own,
      readText: (path) => kernel.files.readText(path),
      list: (path) => kernel.files.list(path),
      exists: (path) => own.exists(path) || kernel.files.exists(path),
    },
    durable: {
      ...memorySystem().durable,
      freeBytes: () => 1234,
      list(path) {
        if (own.kind(path.replace(/\/$/, "")) !== "a directory") return undefined;
        return own.list(path.replace(/\/$/, "")).map((name) => {
          const inside = `${path.replace(/\/$/, "")}/${name}`;
          const sizeBytes = own.readBytes(inside)?.byteLength;
          return { name, isFolder: sizeBytes === undefined, sizeBytes: sizeBytes ?? 0 };
        });
      },
    },
  };
}

const CONTENT: Content = {
  [`${STATE}/cOS/active.img`]: imageOf("COS_ACTIVE", 3),
  [`${STATE}/cOS/passive.img`]: new Uint8Array(5000),
  [`${STATE}/boot_assessment`]: envBlock({ enable_boot_assessment: "yes" }),
  [`${STATE}/tandem/control`]: "record",
  [`${STATE}/grub2/grub.cfg`]: "menu",
  "/mnt/recovery/cOS/recovery.squashfs": Buffer.from("hsqs".padEnd(4000)),
  "/mnt/recovery/cOS/recovery.img": "short",
  "/oem/grubenv": envBlock({ next_entry: "cos" }),
};

test("images have their labels and UUIDs, and the files of the boot are shown", async () => {
  const { texts, missing } = await collected(kairosPartitionParts(machineWith(CONTENT), undefined));
  expect(missing).toEqual([]);
  expect(texts["kairos/COS_STATE.txt"]).toBe(
    [
      `${STATE}, 1234 bytes free`,
      "/cOS/",
      "/boot_assessment 1024",
      "/tandem/",
      "/grub2/",
      `/cOS/active.img 4096 label COS_ACTIVE UUID ${uuidOf(3)}`,
      "/cOS/passive.img 5000 no known file system",
      "/tandem/control 6",
      "",
    ].join("\n"),
  );
  expect(texts["kairos/COS_RECOVERY.txt"]).toContain("/cOS/recovery.squashfs 4000 squashfs\n");
  expect(texts["kairos/COS_RECOVERY.txt"]).toContain("/cOS/recovery.img 5 no file system\n");
  expect(texts["kairos/COS_STATE/boot_assessment"]).toMatch(/^enable_boot_assessment=yes$/m);
  expect(texts).toMatchObject({
    "kairos/COS_STATE/tandem/control": "record\n",
    "kairos/COS_STATE/grub2/grub.cfg": "menu\n",
  });
  expect(texts["kairos/COS_OEM/grubenv"]).toMatch(/^next_entry=cos$/m);
});

test("a partition that cannot be mounted is a line of its own", async () => {
  const system = machineWith(CONTENT, {
    mounts: MOUNTS.filter(({ path }) => path !== "/mnt/recovery"),
    failing: { "mount ro": "EIO" },
  });
  const { texts, missing } = await collected(kairosPartitionParts(system, undefined));
  expect(missing).toEqual(["kairos-recovery: Cannot mount ro: EIO"]);
  expect(Object.keys(texts)).toContain("kairos/COS_OEM/grubenv");
});

test("what tandem does not find by its label is read where Kairos mounts it", async () => {
  const system = machineWith(CONTENT, { loops: {}, disks: { sda: [] }, mounts: [] });
  const { texts, missing } = await collected(kairosPartitionParts(system, undefined));
  expect(missing).toHaveLength(1);
  expect(missing[0]).toStartWith("kairos-recovery: Cannot find ");
  expect(texts["kairos/COS_OEM/grubenv"]).toMatch(/^next_entry=cos$/m);
  expect(texts["kairos/COS_STATE/tandem/control"]).toBe("record\n");
});

test("another disk is not read at the mounts of this machine", async () => {
  const { texts, missing } = await collected(
    kairosPartitionParts(machineWith(CONTENT), "/dev/sdb"),
  );
  expect(texts).toEqual({});
  expect(missing).toHaveLength(3);
});
