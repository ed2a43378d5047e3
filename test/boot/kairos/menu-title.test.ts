import { expect, test } from "bun:test";
import { KairosMachine } from "./kairos-machine.ts";

const BRAND = "/state/grub_oem_env";

test.each([
  ["a new file", {}, { default_menu_entry: "Mine" }],
  [
    "a file with another title",
    { [BRAND]: { default_menu_entry: "Kairos", more: "1" } },
    { default_menu_entry: "Mine", more: "1" },
  ],
])("setMenuTitle() in %s", (_, contents, expected) => {
  const machine = new KairosMachine({ contents });
  machine.open().setMenuTitle?.("Mine");
  expect(machine.env(BRAND)).toEqual(expected);
});
