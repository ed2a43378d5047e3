import { expect, test } from "bun:test";
import { contentOf, type Esp, readEspText } from "../../../src/boot/esp/esp.ts";
import { rawEsp } from "../../../src/boot/esp/raw-esp.ts";
import { readGeometry } from "../../../src/fat/geometry.ts";
import { checkScratch, remakeScratch } from "../../../src/boot/grub/scratch.ts";
import { fatImage } from "../../fakes/fat-image.ts";
import type { PagedImage } from "../../fakes/paged-image.ts";

const PATH = "/tandem/tries";
const BYTES = 1024;
const HEAD = "# GRUB Environment Block\n";
const block = (lines: string): string => (HEAD + lines).padEnd(BYTES, "#");
const counted = "s_gen=2147483647\ns_trial=10\ns_good=10\ns_other=10\ns_lost= a b recovery\n";

async function espWith(text: string): Promise<{ image: PagedImage; esp: Esp }> {
  // Clusters of 512 bytes, so that the file has two of them.
  const image = fatImage(32);
  const esp = rawEsp(image.file());
  await esp.makeFolder("/tandem");
  await esp.write(PATH, contentOf(text));
  return { image, esp };
}

const placeOf = (image: PagedImage): Parameters<typeof checkScratch>[0] => ({
  open: () => rawEsp(image.file()),
  seen: () => undefined,
});

test.each([
  ["a new one", block(""), undefined],
  ["one that GRUB has filled", block(counted), undefined],
  ["one with other values that leave room", block(`other=${"x".repeat(890)}\n`), undefined],
  ["no block", "x".repeat(BYTES), "cannot be used: it does not begin as a GRUB environment block"],
  ["zeros", "\0".repeat(BYTES), "cannot be used: it is empty"],
  ["one that is too short", HEAD, "has 25 bytes, want 1024"],
  ["one that is too long", `${block("")}#`, "has 1025 bytes, want 1024"],
  ["one that is full", block(`other=${"x".repeat(950)}\n`), "is full of other values: other"],
])("GRUB's count in %s", async (_, text, flaw) => {
  const { image, esp } = await espWith(text);
  const finding = checkScratch(placeOf(image), esp);
  expect(finding).toMatchObject(
    flaw === undefined
      ? { verdict: "ok" }
      : { verdict: "bad", text: `${PATH} ${flaw}: boots cannot be counted, so no trial begins` },
  );
  await finding.repair?.run();
  expect(checkScratch(placeOf(image), rawEsp(image.file())).verdict).toBe("ok");
});

test("a file that has lost its second cluster is replaced", async () => {
  const { image } = await espWith(block(""));
  const { tableOffsets } = readGeometry(image.file());
  // Root and folder have clusters 2 and 3.
  for (const at of tableOffsets) image.write(at + 4 * 4, Uint8Array.of(0xff, 0xff, 0xff, 0x0f));
  const finding = checkScratch(placeOf(image), rawEsp(image.file()));
  expect(finding.text).toContain("cannot be read: ");
  await finding.repair?.run();
  expect(readEspText(rawEsp(image.file()), PATH, BYTES)).toBe(block(""));
});

test("remakeScratch() removes all counts, and leaves no second file", async () => {
  const { image } = await espWith(block(counted));
  await remakeScratch(placeOf(image));
  const esp = rawEsp(image.file());
  expect(readEspText(esp, PATH, BYTES)).toBe(block(""));
  expect(esp.list("/tandem")?.map(({ name }) => name)).toEqual(["tries"]);
});
