import { expect, test } from "bun:test";
import fc from "fast-check";
import * as specs from "../../src/control/spec.ts";
import type { SlotSpec } from "../../src/control/spec.ts";
import { PARTITION_ADDRESS as FORM } from "../../src/slot/partitions.ts";

const { SPEC_BYTES } = specs;
const encodeSpec = (slot: "a" | "b", spec: SlotSpec): Uint8Array =>
  specs.encodeSpec(slot, spec, FORM);
const parseSpec = (bytes: Uint8Array): ReturnType<typeof specs.parseSpec> =>
  specs.parseSpec(bytes, FORM);

const PARTUUID = "0fc63daf-8483-4772-8e79-3d69d8477de4";
const SPEC: SlotSpec = {
  kernel: "/boot/vmlinuz-6.1",
  initrd: "/boot/initrd.img-6.1",
  options: String.raw`quiet console=ttyS0 x="a b" y=\z`,
  address: { part: "3", partuuid: PARTUUID },
  digest: `sha256:${"0".repeat(64)}`,
};

test.each([
  ["all fields", {}],
  ["no initrd", { initrd: undefined }],
  ["no options", { options: "" }],
  ["long options", { options: "\\".repeat(1536) }],
  ["long paths", { kernel: `/${"k".repeat(1023)}`, initrd: undefined }],
])("parseSpec() undoes encodeSpec() with %s", (_, change) => {
  const bytes = encodeSpec("a", { ...SPEC, ...change });
  expect(bytes).toHaveLength(SPEC_BYTES);
  expect(parseSpec(bytes)).toEqual({ ...SPEC, ...change });
});

test("the largest spec fits", () => {
  const path = `/${"p".repeat(1023)}`;
  const digest = `sha512:${"f".repeat(128)}`;
  const spec = {
    ...SPEC,
    kernel: path,
    initrd: path,
    options: "o".repeat(1536),
    digest,
    address: { part: "1024", partuuid: PARTUUID },
  };
  expect(parseSpec(encodeSpec("a", spec))).toEqual(spec);
});

test.each([
  ["a newline", { options: "a\nb" }, "a value has a control character"],
  ["a tab", { options: "a\tb" }, "a value has a control character"],
  ["a NUL", { kernel: "/a\0" }, "a value has a control character"],
  ["a relative kernel", { kernel: "boot/vmlinuz" }, 'kernel is "boot/vmlinuz": want a path'],
  ["a space in a path", { initrd: "/boot/my initrd" }, 'initrd "/boot/my initrd" has a space'],
  ["long options", { options: "x".repeat(1537) }, "options has 1537 bytes, more than 1536"],
  ["a long path", { kernel: `/${"ä".repeat(512)}` }, "kernel has 1025 bytes, more than 1024"],
  [
    "too much in all",
    { kernel: `/${"k".repeat(1023)}`, options: "\\".repeat(1536) },
    "it has 4298 bytes, more than 4096",
  ],
  ["partition 0", { address: { part: "0", partuuid: PARTUUID } }, 'part is "0"'],
  ["partition 1025", { address: { part: "1025", partuuid: PARTUUID } }, 'part is "1025"'],
  ["no partition", { address: { partuuid: PARTUUID } }, 'part is ""'],
  [
    "an upper-case partuuid",
    { address: { part: "3", partuuid: PARTUUID.toUpperCase() } },
    "partuuid is",
  ],
  ["no digest", { digest: "" }, 'digest is ""'],
])("encodeSpec() refuses %s", (_, change, why) => {
  expect(() => encodeSpec("b", { ...SPEC, ...change })).toThrow(
    `Cannot write the boot spec of slot b: ${why}`,
  );
});

test("parseSpec() says that an erased spec is empty", () => {
  expect(parseSpec(new Uint8Array(SPEC_BYTES))).toEqual({ invalid: "it is empty" });
});

test("parseSpec() never throws, whatever the bytes", () => {
  const whole = encodeSpec("a", SPEC);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1 }), (changes) => {
      const bytes = whole.slice();
      for (const [at, value] of changes) bytes[at] = value;
      const spec = parseSpec(bytes);
      if (!("invalid" in spec)) expect(parseSpec(encodeSpec("a", spec))).toEqual(spec);
    }),
  );
});

test("encodeSpec() and parseSpec() use the names of the address form, in their order", () => {
  const form = { ...FORM, names: ["file"], flaw: () => undefined };
  const spec = { ...SPEC, address: { file: "/a.img" } };
  const bytes = specs.encodeSpec("a", spec, form);
  expect(specs.parseSpec(bytes, form)).toEqual(spec);
  expect(Buffer.from(bytes).toString()).toContain("\nfile=/a.img\ndigest=");
});
