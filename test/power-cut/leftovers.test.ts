/** Cuts the power while doctor empties a control partition that holds garbage. */
import { expect, test } from "bun:test";
import { emptyControl } from "../../src/control/control.ts";
import { type Diagnosis, doctor } from "../../src/doctor/doctor.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { isNewDisk } from "../../src/machine/new-disk.ts";
import { patternOf } from "../fakes/pattern.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { RecordedDisk } from "../fakes/recorded-disk.ts";
import { machineWith, newDisk, PLACES, systemWith } from "../fakes/whole-disk.ts";

const EMPTIES = "empty the control partition: the disk is new again";

function repair(image: PagedImage): Promise<Diagnosis> {
  const { signal } = new AbortController();
  const work = { system: systemWith(image.file()), talk: SILENT, signal };
  return doctor(work, { disk: "/disk.img" }, { fix: true, verify: false });
}

async function diskWithGarbage(): Promise<PagedImage> {
  const image = await newDisk();
  const { offsetBytes, sizeBytes } = PLACES.control;
  image.write(offsetBytes, patternOf(sizeBytes));
  return image;
}

test("after a cut the disk is new, or the next run empties the rest", async () => {
  const recorded = new RecordedDisk(await diskWithGarbage());
  await emptyControl(machineWith(recorded.file));
  const seen = { again: 0, isNew: 0 };
  for (const { image } of recorded.cuts()) {
    const isNew = isNewDisk(machineWith(image.file()));
    seen[isNew ? "isNew" : "again"] += 1;
    expect((await repair(image)).repaired).toEqual(isNew ? [] : [EMPTIES]);
    expect(isNewDisk(machineWith(image.file()))).toBe(true);
  }
  expect(seen.again).toBeGreaterThan(0);
  expect(seen.isNew).toBeGreaterThan(0);
});
