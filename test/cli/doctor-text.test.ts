import { expect, test } from "bun:test";
import { doctorText } from "../../src/cli/doctor-text.ts";
import { about } from "../../src/lib/finding.ts";

test("doctorText() prints the repairs, then each finding with its advice", () => {
  const slot = about("slot a", "disk");
  const text = doctorText({
    disk: "/dev/sda",
    repaired: ["write the spec"],
    failed: ["write the table: EIO"],
    findings: [
      slot.ok("all is well"),
      slot.warn("it is old", { advice: "Upgrade." }),
      slot.bad("it is gone"),
    ],
  });
  expect(text.split("\n")).toEqual([
    "disk      /dev/sda",
    "repaired  write the spec",
    "failed    write the table: EIO",
    "ok        slot a: all is well",
    "warn      slot a: it is old",
    "          Upgrade.",
    "bad       slot a: it is gone",
  ]);
});
