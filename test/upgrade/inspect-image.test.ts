import { expect, test } from "bun:test";
import { inspectImage } from "../../src/upgrade/inspect-image.ts";
import { image } from "../boot/tree.ts";
import { initrdOf, kernelOf } from "../fakes/boot-files.ts";

const SYSTEM = { "boot/vmlinuz-6.1": kernelOf("k"), "boot/initrd.img-6.1": initrdOf("i") };

test.each([
  ["VERSION=1.2\nPRETTY_NAME=edge\n", "1.2"],
  ["PRETTY_NAME=edge\n", "edge"],
  ["", undefined],
])("inspectImage() of an image with os-release %j has version %s", (release, version) => {
  const finding = inspectImage(image({ ...SYSTEM, "etc/os-release": release }), "amd64");
  expect([...finding.files.keys()]).toEqual(["/boot/vmlinuz-6.1", "/boot/initrd.img-6.1"]);
  expect(finding.bootable.kernel).toBe("/boot/vmlinuz-6.1");
  expect(finding.version).toBe(version);
});
