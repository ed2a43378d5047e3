import { expect, test } from "bun:test";
import type { Bootloader } from "../../../src/boot/bootloader.ts";
import { contentOf } from "../../../src/boot/esp/esp.ts";
import { grub } from "../../../src/boot/grub/grub.ts";
import { COUNT_BYTES, COUNT_PATH, countedGen } from "../../../src/boot/grub/count.ts";
import { formatControl } from "../../../src/control/control.ts";
import { settled } from "../../../src/control/decide.ts";
import { emptyState } from "../../../src/control/state.ts";
import { TandemError } from "../../../src/lib/error.ts";
import { MiB } from "../../../src/lib/units.ts";
import { markGood } from "../../../src/verdict/mark.ts";
import { controlIn } from "../../fakes/control.ts";
import { PagedImage } from "../../fakes/paged-image.ts";
import { machineWith, PLACES, wholeDisk } from "../../fakes/whole-disk.ts";
import { boot } from "../../power-cut/loader.ts";
import { upgradeTo } from "../../upgrade/disk.ts";
import { memoryEsp } from "../esp/memory-esp.ts";

const HEAD = "# GRUB Environment Block\n";
const block = (lines: string): string => (HEAD + lines).padEnd(COUNT_BYTES, "#");
const FIRST = settled("a", { limit: 0, bootable: [] });
const STATES = [0x10000, 0x80000] as const;
const RECORDS = [0, 0x1000] as const;

test.each([
  ["never counted", block(""), 0],
  ["counted", block("s_gen=41\ns_trial=0\n"), 41],
  ["counted for a number that no record can have", block("s_gen=2147483647\n"), 0],
  ["counted for what is no number", block("s_gen=x\n"), 0],
  ["no environment block", "\0".repeat(COUNT_BYTES), 0],
])("countedGen() where GRUB has %s", async (_, text, gen) => {
  const esp = await memoryEsp({ [COUNT_PATH]: text });
  expect(countedGen(esp)).toBe(gen);
  await esp.remove(COUNT_PATH);
  expect(countedGen(esp)).toBe(0);
  await esp.write(COUNT_PATH, contentOf(`${text}#`));
  expect(countedGen(esp)).toBe(0);
});

async function format(): Promise<PagedImage> {
  const image = PagedImage.zeros(MiB);
  await formatControl(controlIn(image.file()), { record: FIRST, state: emptyState() });
  return image;
}

test("with a record in force a new one is committed although GRUB's count cannot be read", async () => {
  const image = await format();
  const esp = {
    open: () => {
      throw new TandemError("boot", "only parts of it are mounted");
    },
    seen: () => undefined,
  };
  const loader = (): Bootloader =>
    grub.open({ loaderData: controlIn(image.file()).loaderData, loaderDataAddress: "1", esp });
  expect((await loader().commit(FIRST)).gen).toBe(2);
  for (const at of RECORDS) image.write(at, new Uint8Array(1024));
  expect(() => loader().commit(FIRST)).toThrow("only parts of it are mounted");
});

/** v1 in slot a gave so many verdicts and then used up its boots. Each verdict wrote a record, but no state. */
async function usedUp(verdicts: number): Promise<PagedImage> {
  const image = await wholeDisk("v1", { limit: 2 });
  for (let boots = 0; boots < verdicts; boots += 1) {
    const { cmdline } = await boot("grub", image.file());
    await markGood(machineWith(image.file(), cmdline), undefined, "test");
  }
  for (let boots = 0; boots < 2; boots += 1) await boot("grub", image.file());
  return image;
}

test.each([
  ["the record", RECORDS],
  ["record and state", [...RECORDS, ...STATES]],
])(
  "where %s is lost, the new record has a number that GRUB has not counted for",
  async (_, lost) => {
    for (let verdicts = 0; verdicts < 8; verdicts += 1) {
      const image = await usedUp(verdicts);
      for (const at of lost) image.write(PLACES.control.offsetBytes + at, new Uint8Array(4096));
      const machine = machineWith(image.file(), "tandem.slot=a tandem.gen=0");
      await markGood({ ...machine, limit: 2 }, undefined, "test");
      // With a generation that GRUB has counted for, slot a would have no boots left and nothing would boot.
      expect(await boot("grub", image.file())).toMatchObject({ slot: "a" });
    }
  },
);

test("when the newer copy of the record is damaged, a new trial still gets its boots", async () => {
  const image = await wholeDisk();
  await upgradeTo("v2", machineWith(image.file(), "tandem.slot=a tandem.gen=1"), { tries: 1 });
  expect(await boot("grub", image.file())).toMatchObject({ slot: "b" });
  image.write(PLACES.control.offsetBytes + RECORDS[1], new Uint8Array(1024).fill(0x55));
  await upgradeTo("v3", machineWith(image.file(), "tandem.slot=a tandem.gen=1"));
  expect(await boot("grub", image.file())).toMatchObject({ slot: "b" });
});
