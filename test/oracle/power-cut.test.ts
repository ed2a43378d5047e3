/** e2fsck checks the bootable slots on disks after power cuts. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { type BlockFile, readBlock } from "../../src/system/block-file.ts";
import { type Cut, RecordedDisk } from "../fakes/recorded-disk.ts";
import { machineWith, partOfDisk, PLACES } from "../fakes/whole-disk.ts";
import { complaints } from "../peers/ext4-tools.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { controlOn } from "../power-cut/judge.ts";
import { STORIES, type Story } from "../power-cut/story.ts";

/** The number of cuts of each story, evenly spread. */
const CUTS = 12;

async function spread({ start, cmdline, act }: Story): Promise<Cut[]> {
  const recorded = new RecordedDisk(await start("grub"));
  await act(machineWith(recorded.file, cmdline));
  const cuts = [...recorded.cuts({ subsetsMax: 4, tearsMax: 4 })];
  return cuts.filter((_, index) => index % Math.ceil(cuts.length / CUTS) === 0);
}

function take(disk: BlockFile, name: "a" | "b", path: string): string {
  const { sizeBytes } = PLACES[name];
  writeFileSync(path, readBlock(partOfDisk(disk, name), 0, sizeBytes));
  return path;
}

test("e2fsck finds no error in a slot with a spec after any power cut", async () => {
  await using folder = await temporaryFolder();
  let slots = 0;
  for (const story of STORIES)
    for (const { image, name } of await spread(story)) {
      const disk = image.file();
      const startable = (["a", "b"] as const).filter(
        (slot) => "kernel" in controlOn(disk).loaderData.spec(slot),
      );
      const paths = startable.map((slot) => take(disk, slot, folder.in(`${slot}.img`)));
      const found = await Promise.all(paths.map((path) => complaints(path)));
      expect({ story: story.name, name, found: found.flat() }).toMatchObject({ found: [] });
      slots += startable.length;
    }
  console.log(`e2fsck has looked at ${slots} slots`);
  expect(slots).toBeGreaterThan(100);
});
