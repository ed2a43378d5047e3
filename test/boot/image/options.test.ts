import { expect, test } from "bun:test";
import { parseOptions } from "../../../src/boot/image/options.ts";

test.each([
  ["quiet  splash\t console=ttyS0 \n", "quiet splash console=ttyS0"],
  ["# a comment\nquiet\n# another\ndebug", "quiet debug"],
  ["root=LABEL=x rw ro rootfstype=xfs quiet BOOT_IMAGE=/k tandem.slot=a", "quiet"],
  ["rootwait roots=1 row", "rootwait roots=1 row"],
  ["panic=0 quiet panic=-1 panic=30", "quiet"],
  ["panic_on_oops=1 oops=panic quiet", "panic_on_oops=1 oops=panic quiet"],
  ["sysctl.kernel.panic=0 sysctl/kernel/panic=0 sysctl.kernel/panic=0 quiet", "quiet"],
  ["sysctl.kernel.panic_on_oops=1", "sysctl.kernel.panic_on_oops=1"],
  ["initrd=/boot/intel-ucode.img initrd=initrd.img quiet", "quiet"],
  ["acpi_osi=!* memmap=64M$0x8000000 a=(*) b=; quiet -- single", undefined],
  ["x".repeat(1536), "x".repeat(1536)],
  ["", ""],
])("parseOptions(%j) is %j", (text, want) => {
  expect(parseOptions(text, "/etc/kernel/cmdline")).toBe(want ?? text);
});

test.each([
  ["x".repeat(1537), "longer than 1536 bytes"],
  ["a=\u0001", "not plain ASCII text"],
  ["a=ü", "not plain ASCII text"],
  ['a="b c"', "quotes and backslashes"],
  ["a=\\b", "quotes and backslashes"],
  ["a='b'", "quotes and backslashes"],
  ["quiet *", 'takes "*" for a pattern'],
  ["quiet /boot/*", 'takes "/boot/*" for a pattern'],
  ["(hd0,*) quiet", 'takes "(hd0,*)" for a pattern'],
  ["quiet -- /e?i", 'takes "/e?i" for a pattern'],
])("parseOptions(%j) is refused: %s", (text, message) => {
  expect(() => parseOptions(text, "/etc/kernel/cmdline")).toThrow(message);
});
