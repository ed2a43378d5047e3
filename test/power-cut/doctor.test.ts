/**
 * Cuts the power while doctor repairs a disk with GRUB: the slots that could boot before can still boot, and the next
 * run completes the repair.
 */
import { test } from "bun:test";
import { PLACES } from "../fakes/whole-disk.ts";
import {
  CONTROL,
  type Damage,
  espOn,
  expectMends,
  TRIAL_CHANGED,
  wipeControl,
  wipeControlAnd,
  zero,
} from "./mend.ts";
import { armed, upgraded } from "./story.ts";

const CASES: readonly Damage[] = [
  {
    name: "the record lost",
    start: upgraded,
    damage: (image) => zero(image, CONTROL, 4096 + 1024),
    boots: true,
  },
  {
    name: "the record lost during a trial",
    start: armed,
    damage: (image) => zero(image, CONTROL, 4096 + 1024),
    boots: true,
  },
  {
    name: "the state lost",
    start: upgraded,
    damage: (image) => zero(image, CONTROL + 0x10000, PLACES.control.sizeBytes - 0x10000),
    boots: true,
  },
  {
    name: "the control partition wiped",
    start: upgraded,
    damage: wipeControl,
    boots: false,
  },
  {
    name: "the control partition and slot a wiped",
    start: upgraded,
    damage: wipeControlAnd("a"),
    boots: false,
  },
  {
    name: "GRUB's scratch file lost",
    start: armed,
    damage: (image) => espOn(image).remove("/tandem/tries"),
    boots: true,
  },
  TRIAL_CHANGED,
  {
    name: "the primary partition table lost",
    start: upgraded,
    damage: (image) => zero(image, 512, 512),
    boots: true,
  },
];

test.each(CASES)("doctor with $name: the next run repairs after every cut", (one) =>
  expectMends("grub", one),
);
