import { expect, test } from "bun:test";
import { HOOKS } from "../../src/hooks/hooks.ts";
import { findHook, hookFiles, type HookSettings, installHook } from "../../src/hooks/install.ts";
import { memorySystem } from "../fakes/machine.ts";

const SETTINGS: HookSettings = {
  watchdogDevice: "/dev/watchdog7",
  watchdogSeconds: 111,
  deadlineSeconds: 222,
  overdueSeconds: 333,
};

const wrong = (): unknown => findHook("upstart");
test("findHook() finds by name, and names the others when there is none", () => {
  expect(findHook("dracut").name).toBe("dracut");
  expect(wrong).toThrow('Cannot find hook "upstart": there is no such hook');
  expect(wrong).toThrow(
    expect.objectContaining({ code: "usage", hint: expect.stringContaining("systemd, openrc") }),
  );
});

test.each(HOOKS.map((hook) => [hook.name, hook] as const))(
  "hookFiles() of %s leaves nothing to fill in",
  (_, hook) => {
    for (const { text } of hookFiles(hook, SETTINGS)) expect(text).not.toMatch(/@[A-Z_]+@/);
  },
);

test.each([
  ["initramfs", "device=/dev/watchdog7\nseconds=111\n"],
  ["init", "overdue=333\n"],
  ["initramfs", "\n  tandem.counted) left="],
  ["init", "\n  tandem.counted) left="],
  ["systemd", "TimeoutStartSec=282\n"],
  ["systemd", "OnBootSec=333\n"],
])("hookFiles() fills in the times of %s (%#)", (name, want) => {
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
    ...memorySystem(),
    replaceFile: (...[path, , mode]: [string, string, number]) => void written.push([path, mode]),
    replaceLink: (path: string, target: string) => void linked.push([path, target]),
  };
  const paths = installHook(system, findHook("openrc"), { root, settings: SETTINGS });
  expect(written).toEqual([
    [`${base}/usr/lib/tandem/at-boot`, 0o755],
    [`${base}/etc/init.d/tandem-watch`, 0o755],
    [`${base}/etc/init.d/tandem-health`, 0o755],
  ]);
  // A link is read inside the image, so its target does not lie below the root.
  expect(linked).toContainEqual([
    `${base}/etc/runlevels/boot/tandem-watch`,
    "/etc/init.d/tandem-watch",
  ]);
  expect(paths).toContain("/etc/init.d/tandem-watch");
  expect(paths).toHaveLength(5);
});

test("installHook() says where it cannot write", () => {
  const system = {
    ...memorySystem(),
    replaceFile: () => {
      throw new Error("read-only");
    },
  };
  expect(() =>
    installHook(system, findHook("init"), { root: "/image", settings: SETTINGS }),
  ).toThrow("Cannot install init in /image: read-only");
});
