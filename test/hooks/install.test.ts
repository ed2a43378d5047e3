import { expect, test } from "bun:test";
import { HOOKS } from "../../src/hooks/hooks.ts";
import { findHook, hookFiles, type HookSettings, installHook } from "../../src/hooks/install.ts";
import { lstatSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { linux } from "../../src/system/linux.ts";
import type { System } from "../../src/system/system.ts";
import { memorySystem } from "../fakes/machine.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

const SETTINGS: HookSettings = {
  watchdogDevice: "/dev/watchdog7",
  watchdogSeconds: 111,
  overdueSeconds: 333,
};

/** A machine on which every path exists. */
function image(): System {
  const system = memorySystem();
  return { ...system, files: { ...system.files, exists: () => true } };
}

const wrong = (): unknown => findHook("upstart");
test("findHook() finds a hook by its name, and lists the names when there is none", () => {
  expect(findHook("dracut").name).toBe("dracut");
  expect(wrong).toThrow('Cannot find hook "upstart": there is no such hook');
  expect(wrong).toThrow(
    expect.objectContaining({ code: "usage", hint: expect.stringContaining("systemd, openrc") }),
  );
});

test.each(HOOKS.map((hook) => [hook.name, hook] as const))(
  "hookFiles() of %s fills in all values",
  (_, hook) => {
    for (const { text } of hookFiles(hook, SETTINGS)) expect(text).not.toMatch(/@[A-Z_]+@/);
  },
);

test.each([
  ["initramfs", "device=/dev/watchdog7\nseconds=111\n"],
  ["init", "overdue=333\n"],
  ["initramfs", "\n  tandem.counted) left="],
  ["init", "\n  tandem.counted) left="],
  ["systemd", "OnBootSec=333\n"],
])("hookFiles() fills in the values of %s (%#)", (name, want) => {
  const texts = hookFiles(findHook(name), SETTINGS).map(({ text }) => text);
  expect(texts.join("")).toContain(want);
});

test.each([
  ["/", ""],
  ["/image", "/image"],
  ["/image//", "/image"],
])("installHook() below %s writes to %s/usr", (root, base) => {
  const written: [string, number][] = [];
  const linked: [string, string][] = [];
  const system = {
    ...image(),
    replaceFile: (...[path, , mode]: [string, string, number]) => void written.push([path, mode]),
    replaceLink: (path: string, target: string) => void linked.push([path, target]),
  };
  const paths = installHook(system, findHook("openrc"), { root, settings: SETTINGS });
  expect(written).toEqual([
    [`${base}/usr/lib/tandem/at-boot`, 0o755],
    [`${base}/etc/init.d/tandem-watch`, 0o755],
    [`${base}/etc/init.d/tandem-health`, 0o755],
  ]);
  // The target is resolved inside the image, so it does not contain the root.
  expect(linked).toContainEqual([
    `${base}/etc/runlevels/boot/tandem-watch`,
    "/etc/init.d/tandem-watch",
  ]);
  expect(paths).toContain("/etc/init.d/tandem-watch");
  expect(paths).toHaveLength(5);
});

test.each([
  ["EROFS", "disk", undefined],
  ["EACCES", "disk", "Run tandem as root, or as a user who has the permission."],
  ["ENOSPC", "no-space", undefined],
])('installHook() turns %s into "%s"', (code, status, hint) => {
  const system = {
    ...image(),
    replaceFile: () => {
      throw Object.assign(new Error(`${code}: why`), { code });
    },
  };
  expect(() =>
    installHook(system, findHook("init"), { root: "/image", settings: SETTINGS }),
  ).toThrow(
    expect.objectContaining({
      code: status,
      message: `Cannot install init in /image: ${code}: why`,
      hint,
    }),
  );
});

test("installHook() does not create a missing root", async () => {
  await using folder = await temporaryFolder();
  const root = folder.in("none");
  expect(() => installHook(linux, findHook("init"), { root, settings: SETTINGS })).toThrow(
    expect.objectContaining({
      code: "usage",
      message: `Cannot install init in ${root}: it does not exist`,
    }),
  );
  expect(readdirSync(folder.path)).toEqual([]);
});

/** A link in the image, its target, and the path in the image to which the hook's file goes. */
test.each([
  ["an absolute link in the middle", "usr/lib/tandem", "OUTSIDE", "OUTSIDE/at-boot"],
  ["a link upwards", "usr", "../../../../victim", "victim/lib/tandem/at-boot"],
  ["a link to a link", "usr/lib", "/var/lib2", "var/lib2/tandem/at-boot"],
  ["an absolute link in the place of the file", "usr/lib/tandem/at-boot", "OUTSIDE/file", ""],
])("installHook() writes inside the image despite %s", async (...[, link, target, place]) => {
  await using folder = await temporaryFolder();
  const [root, outside] = [folder.in("root"), folder.in("outside")];
  mkdirSync(join(root, dirname(link)), { recursive: true });
  mkdirSync(outside);
  symlinkSync(target.replace("OUTSIDE", outside), join(root, link));
  installHook(linux, findHook("init"), { root, settings: SETTINGS });
  const at = place === "" ? link : place.replace("OUTSIDE", outside);
  expect(lstatSync(join(root, at)).isFile()).toBe(true);
  expect(readdirSync(outside)).toEqual([]);
  expect(readdirSync(folder.path).toSorted()).toEqual(["outside", "root"]);
});
