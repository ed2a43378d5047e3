import { expect, test } from "bun:test";
import { armWatchdog, feedWatchdog, stopWatchdog } from "../../src/health/watchdog.ts";
import { watchedSystem, type WatchdogSetup } from "../fakes/watchdog.ts";

const PLAN = { device: "/dev/watchdog0", seconds: 600 };
const FREE: WatchdogSetup = { device: "free" };

test.each<[string, WatchdogSetup, string[], string]>([
  ["a free device", FREE, ["set 600", "leave"], "in 600 s unless there is a verdict"],
  [
    "a device that waits less long, but long enough",
    { device: "free", secondsMax: 400, about: { max_timeout: "400" } },
    ["set 400", "leave"],
    "in 400 s",
  ],
  [
    "a device with attributes that allow it",
    { device: "free", about: { nowayout: "0", options: "0x8180" } },
    ["set 600", "leave"],
    "in 600 s",
  ],
])("armWatchdog() arms %s and leaves it running", (...[, setup, done, text]) => {
  const system = watchedSystem(setup);
  const outcome = armWatchdog(system, PLAN, 300);
  expect(system.done).toEqual(["open /dev/watchdog0", ...done]);
  expect(outcome.watchdog).toBe("armed");
  expect(outcome.text).toContain(text);
});

test.each<[string, WatchdogSetup, string]>([
  ["there is none", {}, "there is no /dev/watchdog0"],
  ["another program holds it", { device: "held" }, "held, continuing"],
  ["the boot is not counted", { ...FREE, cmdline: "tandem.slot=a" }, "this boot is not counted"],
  ["it could not be stopped", { ...FREE, about: { nowayout: "1" } }, "could not be stopped again"],
  ["it stops when closed", { ...FREE, about: { options: "0x8080" } }, "only while it is open"],
])("armWatchdog() does not touch the device when %s", (...[, setup, text]) => {
  const system = watchedSystem(setup);
  const outcome = armWatchdog(system, PLAN, 300);
  expect(system.done).toEqual([]);
  expect(outcome.text).toContain(text);
  expect(outcome.text).toEndWith(", continuing");
});

test.each<[string, number, WatchdogSetup, string]>([
  ["the configuration wants none", 0, FREE, "wants none"],
])("armWatchdog() arms nothing when %s", (...[, seconds, setup, text]) => {
  const system = watchedSystem(setup);
  expect(armWatchdog(system, { ...PLAN, seconds }, 300).text).toContain(text);
  expect(system.done).toEqual([]);
});

test.each<[string, WatchdogSetup, string]>([
  [
    "waits for a shorter time than checks take",
    { device: "free", secondsMax: 299, about: { max_timeout: "299" } },
    "waits only 299 s, and checks may take 300 s",
  ],
  ["takes no time at all", { device: "free", secondsMax: 0 }, "does not do what it should: EINVAL"],
])("armWatchdog() stops again a device that %s", (...[, setup, text]) => {
  const system = watchedSystem(setup);
  expect(armWatchdog(system, PLAN, 300).text).toContain(text);
  expect(system.done.at(-1)).toBe("stop");
});

test.each<[string, WatchdogSetup, string, string[]]>([
  ["stopped", { ...FREE, about: { state: "active" } }, "is stopped", ["stop"]],
  ["stopped", FREE, "is stopped", ["stop"]],
  ["none", { ...FREE, about: { state: "inactive" } }, "does not run", []],
  ["none", { ...FREE, cmdline: "tandem.slot=a" }, "not counted", []],
  ["none", {}, "there is no", []],
  ["held", { device: "held", about: { state: "active" } }, "held", []],
  [
    "runs on",
    { ...FREE, about: { state: "active" }, stateAfter: "active" },
    "cannot be stopped",
    ["stop"],
  ],
])('stopWatchdog() returns "%s" (%#)', (...[watchdog, setup, text, done]) => {
  const system = watchedSystem(setup);
  const outcome = stopWatchdog(system, PLAN);
  expect(outcome.watchdog).toBe(watchdog as typeof outcome.watchdog);
  expect(outcome.text).toContain(text);
  expect(system.done.slice(1)).toEqual(done);
});

test("stopWatchdog() reads sysfs of watchdog0 for /dev/watchdog", () => {
  const system = watchedSystem({ ...FREE, about: { state: "inactive" } });
  expect(stopWatchdog(system, { ...PLAN, device: "/dev/watchdog" }).watchdog).toBe("none");
  expect(system.done).toEqual([]);
});

test.each<[string, WatchdogSetup, string[]]>([
  ["that runs", { ...FREE, about: { state: "active" } }, ["open /dev/watchdog0", "leave"]],
  ["that does not run", { ...FREE, about: { state: "inactive" } }, []],
  ["without attributes in sysfs", FREE, []],
  ["that another program has", { device: "held", about: { state: "active" } }, []],
  ["on a boot that is not counted", { ...FREE, cmdline: "", about: { state: "active" } }, []],
])("feedWatchdog() with a device %s", (...[, setup, done]) => {
  const system = watchedSystem(setup);
  feedWatchdog(system, PLAN);
  expect(system.done).toEqual(done);
});
