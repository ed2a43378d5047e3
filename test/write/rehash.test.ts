import { expect, test } from "bun:test";
import { readRoot } from "../../src/disk/hash-root.ts";
import { MiB } from "../../src/lib/units.ts";
import { rehash } from "../../src/write/rehash.ts";
import { directory, Ext4Image } from "../fakes/ext4-image.ts";
import { PagedImage } from "../fakes/paged-image.ts";
import { rejection } from "../fakes/source.ts";

function disk(): PagedImage {
  const made = PagedImage.zeros(64 * MiB);
  const image = new Ext4Image(made.file());
  image.finish(directory({ one: image.file(Buffer.alloc(3 * MiB, "1")) }));
  return made;
}

test("rehash() gives the runs and the hash that tandem verify compares", async () => {
  const whole = disk();
  const { hashRoot, runs } = await rehash(whole.file());
  expect(await readRoot(whole.file(), runs)).toBe(hashRoot);
  const [first] = runs.at(-1) ?? [0];
  whole.write(first * 4096, Buffer.from("other"));
  expect((await rehash(whole.file())).hashRoot).not.toBe(hashRoot);
});

test("rehash() throws when the medium holds something else than was written", async () => {
  const block = disk().file();
  const lying = {
    ...block,
    read: async (offsetBytes: number, target: Uint8Array) => {
      const way = await block.read(offsetBytes, target);
      if (offsetBytes === 0) target[0] = 1;
      return way;
    },
  };
  expect(await rejection(rehash(lying))).toMatchObject({ code: "disk" });
});
