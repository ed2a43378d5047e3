import { expect, test } from "bun:test";
import type { LayoutKind } from "../../src/slot/layout.ts";
import { chooseLayout, LAYOUTS, openLayout } from "../../src/slot/layouts.ts";
import { PagedImage } from "../fakes/paged-image.ts";
import { kernelMachine } from "./kernel-disk.ts";

const machine = kernelMachine({ plain: { d: PagedImage.zeros(1 << 20) } });
const options = { disk: "d" };

/** A fake layout, which is on every disk or on none. */
const kind = (name: string, isOn: boolean): LayoutKind => ({
  name,
  isOn: () => isOn,
  open: () => {
    throw new Error(`opened as ${name}`);
  },
  examine: () => [],
});

test.each([
  ["the first that is on the disk", [kind("x", true), kind("y", true)], "x"],
  ["the second where the first is not", [kind("x", false), kind("y", true)], "y"],
  ["the last where none is", [kind("x", false), kind("y", false)], "y"],
])("openLayout() opens %s", (_, layouts, name) => {
  expect(chooseLayout(machine, { ...options, layouts }).name).toBe(name);
  expect(() => openLayout(machine, { ...options, layouts })).toThrow(`opened as ${name}`);
});

test("openLayout() of a disk without a layout says what it lacks as partitions", () => {
  expect(LAYOUTS.map(({ name }) => name)).toEqual(["kairos", "partitions"]);
  expect(() => openLayout(machine, options)).toThrow("Cannot read the partition table of d");
});
