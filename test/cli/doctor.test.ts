import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { doctorText } from "../../src/cli/doctor-text.ts";
import { PLACES, wholeDisk } from "../fakes/whole-disk.ts";
import { tandem } from "./tandem.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-doctor-"));
const disk = join(folder, "disk.img");
const image = await wholeDisk();
afterAll(() => rmSync(folder, { recursive: true }));

test("doctor ends with 0 for a sound disk, 9 without a record, 8 without a state, and 0 after --fix", async () => {
  writeFileSync(disk, image.bytes());
  expect(await tandem(["doctor", "--disk", disk])).toMatchObject({ status: 0, stderr: "" });
  const lost = image.fork();
  const { offsetBytes, sizeBytes } = PLACES.control;
  lost.write(offsetBytes, new Uint8Array(4096 + 1024));
  writeFileSync(disk, lost.bytes());
  const recordLost = await tandem(["doctor", "--disk", disk]);
  expect(recordLost.status).toBe(9);
  expect(recordLost.stderr).toContain("sound: boot record");
  lost.write(offsetBytes, new Uint8Array(sizeBytes));
  writeFileSync(disk, lost.bytes());
  const allLost = await tandem(["doctor", "--disk", disk]);
  expect(allLost.status).toBe(8);
  expect(allLost.stderr).toContain("sound: state, boot record");
  const fixed = await tandem(["doctor", "--disk", disk, "--fix"]);
  expect(fixed.status).toBe(0);
  expect(fixed.stdout).toContain("repaired  write a new boot record: slot a is good");
  const json = await tandem(["doctor", "--disk", disk, "--verify", "--json"]);
  expect(JSON.parse(json.stdout)).toMatchObject({ disk, repaired: [], failed: [] });
});

test("doctorText() prints the advice after a finding that is not ok", () => {
  const text = doctorText({
    disk: "/dev/sda",
    repaired: ["mend this"],
    failed: ["mend that: no"],
    findings: [
      { subject: "one", verdict: "ok", text: "fine", advice: "nothing", code: "disk" },
      { subject: "two", verdict: "warn", text: "odd", advice: "Look.", code: "disk" },
      { subject: "three", verdict: "bad", text: "gone", code: "boot" },
    ],
  });
  expect(text.split("\n")).toEqual([
    "disk      /dev/sda",
    "repaired  mend this",
    "failed    mend that: no",
    "ok        one: fine",
    "warn      two: odd",
    "          Look.",
    "bad       three: gone",
  ]);
});
