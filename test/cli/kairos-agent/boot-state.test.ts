import { expect, test } from "bun:test";
import {
  bootStateOf,
  isInMemory,
  readBootState,
} from "../../../src/cli/kairos-agent/boot-state.ts";
import { memoryFiles } from "../../fakes/files.ts";

const DISK = { hasLoaderDevice: true, entry: "" };

test.each([
  ["root=LABEL=COS_ACTIVE cos-img/filename=/cOS/active.img", "active_boot"],
  ["root=LABEL=COS_PASSIVE", "passive_boot"],
  ["root=LABEL=COS_RECOVERY", "recovery_boot"],
  ["root=LABEL=COS_SYSTEM", "recovery_boot"],
  ["recovery-mode", "recovery_boot"],
  ["root=LABEL=COS_SYSTEM kairos.reset", "autoreset_boot"],
  ["root=live:LABEL=COS_LIVE", "livecd_boot"],
  ["root=live:CDLABEL=COS_LIVE", "livecd_boot"],
  ["netboot rd.live.ram", "livecd_boot"],
  ["root=live:LABEL=COS_LIVE kairos.ram", "active_boot"],
  ["kairos.reset kairos.ram.oem=64", "active_boot"],
  ["kairos.ram=1", "active_boot"],
  ["kairos.ramp", "unknown"],
  ["COS_PASSIVE COS_ACTIVE", "active_boot"],
  ["root=/dev/vda1", "unknown"],
  ["", "unknown"],
] as const)("%j is %s", (cmdline, state) => {
  expect(bootStateOf({ cmdline, ...DISK })).toBe(state);
});

test.each([
  ["active.conf", "active_boot"],
  ["active+2-1.conf", "active_boot"],
  ["passive.conf", "passive_boot"],
  ["recovery.conf", "recovery_boot"],
  ["statereset.conf", "autoreset_boot"],
  ["other.conf", "unknown"],
  ["active.efi", "unknown"],
  ["", "unknown"],
] as const)("a unified kernel image started by the entry %j is %s", (entry, state) => {
  const cmdline = "rd.immucore.uki COS_PASSIVE";
  expect(bootStateOf({ cmdline, hasLoaderDevice: true, entry })).toBe(state);
  expect(bootStateOf({ cmdline, hasLoaderDevice: false, entry })).toBe("livecd_boot");
});

const VARIABLES = "/sys/firmware/efi/efivars";
const variable = (text: string): Uint8Array =>
  new Uint8Array([6, 0, 0, 0, ...Buffer.from(`${text}\0`, "utf16le")]);

test("the boot entry is read from the firmware", () => {
  const files = memoryFiles({
    "/proc/cmdline": "rd.immucore.uki\n",
    [`${VARIABLES}/LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f`]: variable("1-2"),
    [`${VARIABLES}/LoaderEntrySelected-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f`]:
      variable("passive+3.conf"),
  });
  expect(readBootState(files)).toBe("passive_boot");
});

test("without a kernel command line nothing is known", () => {
  expect(readBootState(memoryFiles({}))).toBe("unknown");
});

test("isInMemory() looks for whole words", () => {
  expect(
    ["a kairos.ram\n", "kairos.ram.x=1", "xkairos.ram", "kairos.rams"].map(isInMemory),
  ).toEqual([true, true, false, false]);
});
