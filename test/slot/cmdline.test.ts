import { expect, test } from "bun:test";
import { parseCmdline } from "../../src/slot/cmdline.ts";

const NOTHING = {
  slot: undefined,
  gen: undefined,
  left: undefined,
  fell: undefined,
  why: undefined,
  gaveUp: undefined,
  counted: false,
  uncounted: false,
  rootPartuuid: undefined,
};

test.each([
  ["", {}],
  ["quiet ro\n", {}],
  [
    "BOOT_IMAGE=(hd0,3)/vmlinuz root=PARTUUID=0FC63DAF-8483-4772-8e79-3d69d8477de4 ro tandem.slot=b tandem.gen=12 tandem.left=0",
    {
      slot: "b",
      gen: 12,
      left: 0,
      counted: true,
      rootPartuuid: "0fc63daf-8483-4772-8e79-3d69d8477de4",
    },
  ],
  ["tandem.slot=b tandem.counted", { slot: "b", counted: true }],
  ["tandem.slot=b tandem.counted tandem.uncounted", { slot: "b", uncounted: true }],
  ["tandem.slot=a tandem.fell=b tandem.why=tries", { slot: "a", fell: "b", why: "tries" }],
  ["tandem.uncounted tandem.slot=recovery", { slot: "recovery", uncounted: true }],
  ["tandem.gave_up=a:limit", { gaveUp: { slot: "a", why: "limit" } }],
  ["tandem.gave_up=b", { gaveUp: { slot: "b", why: "" } }],
  ["tandem.gave_up=c:limit", {}],
  ["tandem.slot=a  tandem.slot=b", { slot: "b" }],
  ['tandem.slot=a x="tandem.slot=b tandem.uncounted"', { slot: "a" }],
  ['"tandem.slot=a" x="', { slot: "a" }],
  ["tandem.slot=a -- tandem.slot=b", { slot: "a" }],
  ["tandem.slot=c tandem.gen=-1 tandem.left=1e3 tandem.fell= root=/dev/sda2", { counted: true }],
  ["root=PARTUUID=0fc63daf-02/PARTNROFF=1", {}],
  ["xtandem.slot=a tandem.gen=99999999999", {}],
] as const)("parseCmdline(%j)", (text, want) => {
  expect(parseCmdline(text)).toEqual({ ...NOTHING, ...want });
});
