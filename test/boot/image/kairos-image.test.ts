import { expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { inspectKairosImage, kairosBootFiles } from "../../../src/boot/image/kairos-image.ts";
import { findFile } from "../../../src/boot/image/find.ts";
import { TandemError } from "../../../src/lib/error.ts";
import { cpio } from "../../e2e/cpio.ts";
import { elfOf, initrdOf, kernelOf } from "../../fakes/boot-files.ts";
import { image } from "../tree.ts";

type Files = Readonly<Record<string, string | Uint8Array>>;

/** As Kairos images have it: absolute symlinks to names with versions. */
const WHOLE: Files = {
  "boot/vmlinuz": "→ /boot/vmlinuz-6.1",
  "boot/vmlinuz-6.1": kernelOf("k"),
  "boot/initrd": "→ initrd-6.1",
  "boot/initrd-6.1": initrdOf("i"),
  "etc/cos/bootargs.cfg": "set kernelcmd=x\n",
  "etc/kairos-release": 'KAIROS_ID="kairos"\nKAIROS_VERSION="v0.2.0"\n',
  "etc/os-release": "→ ../usr/lib/os-release",
  "usr/lib/os-release": "NAME=Debian\n",
  "sbin/init": "→ /usr/lib/systemd/systemd",
  "usr/lib/systemd/systemd": elfOf("amd64"),
};
const WANTED = { architecture: "amd64", force: false };

function without(...names: readonly string[]): Files {
  return Object.fromEntries(Object.entries(WHOLE).filter(([path]) => !names.includes(path)));
}

test("inspectKairosImage() finds what GRUB starts, and the version", () => {
  const finding = inspectKairosImage(image(WHOLE), WANTED);
  expect(finding.bootable).toEqual({
    kernel: "/boot/vmlinuz-6.1",
    initrd: "/boot/initrd-6.1",
    options: "",
  });
  expect([...finding.files.keys()]).toEqual(["/boot/vmlinuz-6.1", "/boot/initrd-6.1"]);
  expect(finding.version).toBe("v0.2.0");
  expect(finding.forced).toEqual([]);
});

test("inspectKairosImage() finds the title that the image wants in the menu", () => {
  expect(inspectKairosImage(image(WHOLE), WANTED)).not.toHaveProperty("menuTitle");
  const release = `KAIROS_VERSION=v1\nGRUB_ENTRY_NAME="My OS"\n`;
  const named = image({ ...WHOLE, "etc/kairos-release": release });
  expect(inspectKairosImage(named, WANTED)).toMatchObject({ menuTitle: "My OS" });
});

const ARM64_KERNEL = Buffer.concat([Buffer.alloc(0x38), Buffer.from("ARMd")]);
const NO_INIT = cpio([{ path: "bin", kind: "directory" }]);

const FLAWS: readonly (readonly [name: string, files: Files, flaw: string])[] = [
  ["no kernel", without("boot/vmlinuz"), "it has no /boot/vmlinuz"],
  ["a link that leads nowhere", without("boot/vmlinuz-6.1"), "it has no /boot/vmlinuz"],
  ["an empty kernel", { ...WHOLE, "boot/vmlinuz-6.1": "" }, "its /boot/vmlinuz is empty"],
  [
    "a file that is no kernel",
    { ...WHOLE, "boot/vmlinuz-6.1": "text" },
    "its kernel /boot/vmlinuz-6.1 is no Linux kernel",
  ],
  [
    "a foreign kernel",
    { ...WHOLE, "boot/vmlinuz-6.1": ARM64_KERNEL },
    "its kernel /boot/vmlinuz-6.1 is for arm64, the machine is amd64",
  ],
  ["no initrd", without("boot/initrd"), "it has no /boot/initrd"],
  [
    "a file that is no initrd",
    { ...WHOLE, "boot/initrd-6.1": "text" },
    "its initrd /boot/initrd-6.1 is no cpio archive that Linux unpacks, nor compressed as Linux knows it",
  ],
  [
    "an initrd without init",
    { ...WHOLE, "boot/initrd-6.1": NO_INIT },
    "its initrd /boot/initrd-6.1 has no /init",
  ],
  ["no bootargs.cfg", without("etc/cos/bootargs.cfg"), "it has no /etc/cos/bootargs.cfg"],
  [
    "no kairos-release",
    without("etc/kairos-release"),
    "it has no /etc/kairos-release with KAIROS_VERSION",
  ],
  [
    "a kairos-release without a version",
    { ...WHOLE, "etc/kairos-release": 'KAIROS_VERSION=""\n' },
    "it has no /etc/kairos-release with KAIROS_VERSION",
  ],
  [
    "foreign programs",
    { ...WHOLE, "usr/lib/systemd/systemd": elfOf("arm64") },
    "its program /usr/lib/systemd/systemd is for arm64, the machine is amd64",
  ],
];

test.each(FLAWS)("inspectKairosImage() refuses an image with %s", (_, files, flaw) => {
  const inspect = (): unknown => inspectKairosImage(image(files), WANTED);
  expect(inspect).toThrow(TandemError);
  expect(inspect).toThrow(`Cannot boot this image on a Kairos machine: ${flaw}`);
});

test.each(FLAWS)("inspectKairosImage() takes it when forced, and says: %s", (_, files, flaw) => {
  const { forced } = inspectKairosImage(image(files), { ...WANTED, force: true });
  expect(forced).toEqual([flaw]);
});

test("inspectKairosImage() names all flaws at once", () => {
  const { forced, bootable, files, version } = inspectKairosImage(image({ "bin/busybox": "b" }), {
    ...WANTED,
    force: true,
  });
  expect(forced).toHaveLength(4);
  expect(bootable).toEqual({ kernel: "/boot/vmlinuz", initrd: "/boot/initrd", options: "" });
  expect(files.size).toBe(0);
  expect(version).toBeUndefined();
});

test("inspectKairosImage() takes a kernel that gzip has packed, and programs that are scripts", () => {
  const files = {
    ...WHOLE,
    "boot/vmlinuz-6.1": gzipSync(ARM64_KERNEL),
    "usr/lib/systemd/systemd": "#!/bin/sh\n",
  };
  expect(inspectKairosImage(image(files), WANTED).forced).toEqual([]);
});

test("kairosBootFiles() are the files that GRUB reads, behind their symlinks", () => {
  const { root } = image(WHOLE);
  const want = [
    "/boot/vmlinuz-6.1",
    "/boot/initrd-6.1",
    "/etc/cos/bootargs.cfg",
    "/etc/kairos-release",
    "/usr/lib/os-release",
  ].map((path) => findFile(root, path)?.node);
  expect<unknown[]>([...kairosBootFiles(root)]).toEqual(want);
});
