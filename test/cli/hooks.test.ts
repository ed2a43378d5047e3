import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { tandem } from "./tandem.ts";

test.each([
  ["without a configuration, as this machine has it", false, [], 1200],
  ["with a configuration, as the image has it", true, [], 77],
  ["with --config, as that file has it", true, ["--config"], 88],
])("hooks install into an image %s", async (...[, hasOwn, flags, overdueSeconds]) => {
  await using folder = await temporaryFolder();
  const image = folder.in("image");
  mkdirSync(image);
  if (hasOwn) await Bun.write(`${image}/etc/tandem/config.yaml`, "health: { overdueSeconds: 77 }");
  await Bun.write(folder.in("mine.yaml"), "health: { overdueSeconds: 88 }");
  const more = flags.flatMap((flag) => [flag, folder.in("mine.yaml")]);
  const { status, stdout } = await tandem(["hooks", "install", "init", "--root", image, ...more]);
  expect({ status, stdout }).toEqual({ status: 0, stdout: "/usr/lib/tandem/at-boot\n" });
  const text = await Bun.file(`${image}/usr/lib/tandem/at-boot`).text();
  expect(text).toContain(`\noverdue=${overdueSeconds}\n`);
});

test("hooks print shows the files that hooks install would write", async () => {
  await using folder = await temporaryFolder();
  await Bun.write(folder.in("etc/tandem/config.yaml"), "watchdog: { seconds: 99 }");
  const { stdout } = await tandem(["hooks", "print", "initramfs", "--root", folder.path]);
  expect(stdout).toContain("\nseconds=99\n");
});
