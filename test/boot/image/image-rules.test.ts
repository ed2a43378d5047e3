import { expect, test } from "bun:test";
import { plainImages } from "../../../src/boot/image/image-rules.ts";
import { image } from "../tree.ts";
import { initrdOf, kernelOf } from "../../fakes/boot-files.ts";

const SYSTEM = { "boot/vmlinuz-6.1": kernelOf("k"), "boot/initrd.img-6.1": initrdOf("i") };

test.each([
  ["VERSION=1.2\nPRETTY_NAME=edge\n", "1.2"],
  ["PRETTY_NAME=edge\n", "edge"],
  ["", undefined],
])("an image with os-release %j has version %s", (release, version) => {
  const finding = plainImages.inspect(image({ ...SYSTEM, "etc/os-release": release }), {
    architecture: "amd64",
    force: false,
  });
  expect([...finding.files.keys()]).toEqual(["/boot/vmlinuz-6.1", "/boot/initrd.img-6.1"]);
  expect(finding.bootable.kernel).toBe("/boot/vmlinuz-6.1");
  expect(finding.version).toBe(version);
});
