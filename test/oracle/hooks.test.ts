/** Shells and systemd check the hooks. */
import { expect, test } from "bun:test";
import { HOOKS } from "../../src/hooks/hooks.ts";
import { hookFiles } from "../../src/hooks/install.ts";
import { SETTINGS, writeHook } from "../e2e/hook-files.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

const texts = new Map(
  HOOKS.flatMap((hook) => hookFiles(hook, SETTINGS))
    .filter(({ text }) => text.startsWith("#!"))
    .map(({ path, text }) => [path, text]),
);

/** The shells that may run a script. A bash script is only for bash. */
function shellsOf(text: string): string[][] {
  return text.startsWith("#!/bin/bash")
    ? [["bash", "-n"]]
    : [
        ["dash", "-n"],
        ["bash", "--posix", "-n"],
        ["busybox", "sh", "-n"],
      ];
}

test.each([...texts])("%s is valid for every shell that may run it", async (_, text) => {
  await using folder = await temporaryFolder();
  await Bun.write(folder.in("script"), text);
  for (const shell of shellsOf(text)) {
    const { exitCode, stderr } = Bun.spawnSync([...shell, folder.in("script")]);
    expect([shell, exitCode, stderr.toString()]).toEqual([shell, 0, ""]);
  }
});

test("systemd-analyze finds no errors in the units", async () => {
  await using folder = await temporaryFolder();
  writeHook(folder.path, "systemd");
  await Bun.write(folder.in("usr/bin/tandem"), "#!/bin/sh\n");
  const make = `chmod 755 "$0/usr/bin/tandem"
    cp -an /usr/lib/systemd/system/*.target /usr/lib/systemd/system/systemd-*.service "$0/usr/lib/systemd/system"
    systemd-analyze verify --man=no --recursive-errors=one --root="$0" tandem-health.service tandem-overdue.service tandem-overdue.timer tandem-watchdog.service`;
  const { exitCode, stderr } = Bun.spawnSync(["sh", "-c", make, folder.path]);
  expect([exitCode, stderr.toString()]).toEqual([0, ""]);
});
