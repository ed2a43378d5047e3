import { expect, test } from "bun:test";
import { bootFiles } from "../../../src/boot/image/boot-files.ts";
import { image } from "../tree.ts";

test("bootFiles() are all kernels and initrds, through symlinks, each once", () => {
  const { root, read } = image({
    "usr/boot/vmlinuz-6": "kernel 6",
    "usr/boot/initrd.img-6": "initrd 6",
    "usr/boot/System.map-6": "a map",
    "usr/boot/vmlinuz": "→ vmlinuz-6",
    "usr/boot/vmlinuz.old": "→ vmlinuz-5",
    boot: "→ usr/boot",
    "usr/lib/modules/7/vmlinuz": "kernel 7",
    "usr/lib/modules/7/initramfs.img": "initrd 7",
    "usr/lib/modules/7/modules.dep": "modules",
    vmlinuz: "elsewhere",
  });
  const contents = [...bootFiles(root)].map((node) => Buffer.from(read(node)).toString());
  expect(contents.toSorted()).toEqual(["initrd 6", "initrd 7", "kernel 6", "kernel 7"]);
});

test("bootFiles() of an image without any are none", () => {
  expect(bootFiles(image({ "etc/passwd": "root" }).root).size).toBe(0);
});
