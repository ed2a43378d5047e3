import { expect, test } from "bun:test";
import { openWatchdog } from "../../src/system/watchdog.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

test("openWatchdog() is undefined on a machine without a watchdog", () => {
  expect(openWatchdog("/dev/no-such-watchdog")).toBeUndefined();
});

test("openWatchdog() does not create a file, and throws for a path that cannot be opened", async () => {
  await using folder = await temporaryFolder();
  expect(openWatchdog(folder.in("watchdog"))).toBeUndefined();
  expect(() => openWatchdog(folder.in("."))).toThrow(expect.objectContaining({ code: "boot" }));
});

test("Watchdog on a plain file refuses setSeconds(), and leaveRunning() and stop() close it", async () => {
  await using folder = await temporaryFolder();
  const path = folder.in("file");
  await Bun.write(path, "");
  const left = openWatchdog(path);
  expect(() => left?.setSeconds(1)).toThrow("ENOTTY: ioctl failed");
  left?.leaveRunning();
  openWatchdog(path)?.stop();
  expect(await Bun.file(path).text()).toBe("V");
});
