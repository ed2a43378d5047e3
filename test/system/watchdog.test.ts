import { expect, test } from "bun:test";
import { openWatchdog } from "../../src/system/watchdog.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

test("openWatchdog() of a machine without one", () => {
  expect(openWatchdog("/dev/no-such-watchdog")).toBeUndefined();
});

test("openWatchdog() does not make what is not there, and tells what cannot be opened", async () => {
  await using folder = await temporaryFolder();
  expect(openWatchdog(folder.in("watchdog"))).toBeUndefined();
  expect(() => openWatchdog(folder.in("."))).toThrow(expect.objectContaining({ code: "boot" }));
});

test("a file that is no watchdog takes no time, and is closed by leave() and stop()", async () => {
  await using folder = await temporaryFolder();
  const path = folder.in("file");
  await Bun.write(path, "");
  const left = openWatchdog(path);
  expect(() => left?.setSeconds(1)).toThrow("ENOTTY: ioctl failed");
  left?.leave();
  openWatchdog(path)?.stop();
  expect(await Bun.file(path).text()).toBe("V");
});
