import { writeFileSync } from "node:fs";
import { formatControl } from "../../src/control/control.ts";
import { settled } from "../../src/control/decide.ts";
import { unknownState, withVerdict } from "../../src/control/state.ts";
import { MiB } from "../../src/lib/units.ts";
import { LABELS } from "../../src/slot/labels.ts";
import { part } from "../../src/system/block-file.ts";
import { controlIn } from "./control.ts";
import { gptImage } from "../disk/gpt-image.ts";

const SECTORS = MiB / 512;
const CONTROL = { name: "control", offsetBytes: MiB, sizeBytes: MiB };

/**
 * Makes a disk-image file with a control partition and slots a and b of 8 MiB; slot a is good and was not written by
 * tandem.
 */
export async function makeDiskFile(path: string): Promise<void> {
  const image = gptImage({
    sizeBytes: 20 * MiB,
    partitions: [
      { label: LABELS.control, firstLba: SECTORS, lastLba: 2 * SECTORS - 1 },
      { label: LABELS.a, firstLba: 2 * SECTORS, lastLba: 10 * SECTORS - 1 },
      { label: LABELS.b, firstLba: 10 * SECTORS, lastLba: 18 * SECTORS - 1 },
    ],
  });
  const verdict = { result: "good", reason: "made", at: new Date(0).toISOString() } as const;
  await formatControl(controlIn(part(image.file(), CONTROL)), {
    record: settled("a", { limit: 0, bootable: [] }),
    state: withVerdict(unknownState(), "a", verdict),
  });
  writeFileSync(path, image.bytes());
}
