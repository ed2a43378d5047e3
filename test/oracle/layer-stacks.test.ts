/**
 * Writes random stacks of layers as file systems. The kernel shows the tree of a simple model, which is also what umoci
 * unpacks.
 */
import { expect, test } from "bun:test";
import fc from "fast-check";

import { MiB } from "../../src/lib/units.ts";
import { createBlockFile } from "../../src/system/linux-block-file.ts";
import { viewOfModel } from "../fakes/layer-model.ts";
import { writeStack } from "../fakes/layer-stack.ts";
import { STACK } from "../fakes/random-layers.ts";
import { linesOfView, viewOfFolder, type View } from "../fixtures/view.ts";
import { complaints } from "../peers/ext4-tools.ts";
import { writeImage } from "../peers/image.ts";
import { loopMount } from "../peers/loop-mount.ts";
import { tar, type TarMember } from "../peers/tar.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { umociRawUnpack } from "../peers/umoci.ts";

test("the kernel shows the tree of the model for random stacks of layers", async () => {
  await fc.assert(
    fc.asyncProperty(STACK, async ({ layers, model }) => {
      await using folder = await temporaryFolder();
      const path = folder.in("image");
      const file = createBlockFile(path, 8 * MiB);
      writeStack(
        file,
        layers.map((members) => ({ bytes: tar(members) })),
      );
      file.close();
      expect(await complaints(path)).toEqual([]);
      await using mount = await loopMount(path);
      expect(linesOfView(viewOfFolder(mount.path))).toEqual(linesOfView(viewOfModel(model)));
    }),
    { numRuns: 150 },
  );
});

/** umoci gives the current time to directories that no layer lists. */
function withoutTimes(view: View): string[] {
  return linesOfView(
    new Map(
      [...view].map(([path, node]) => [
        path,
        node.kind === "directory" ? { ...node, seconds: 0, nanoseconds: 0 } : node,
      ]),
    ),
  );
}

/** umoci applies a marker also to earlier entries of its own layer. */
function markersFirst(one: TarMember, other: TarMember): number {
  return Number(isMarker(other)) - Number(isMarker(one));
}

/** umoci follows symlinks that the layer itself replaces. */
function isBelowOwn(members: readonly TarMember[]): boolean {
  const own = members.filter((one) => !isMarker(one)).map(({ path }) => path);
  return members.some(
    (one) => isMarker(one) && own.some((path) => path !== "" && one.path.startsWith(`${path}/`)),
  );
}

const isMarker = ({ path }: TarMember): boolean => /(?:^|\/)\.wh\.[^/]*$/.test(path);

test("umoci unpacks random stacks of layers to the same tree", async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(STACK, async ({ layers, model }) => {
      if (layers.some(isBelowOwn)) return;
      await using folder = await temporaryFolder();
      const image = { layout: folder.in("layout"), tag: "latest" };
      await writeImage(image.layout, {
        layers: layers.map((members) => ({ tar: members.toSorted(markersFirst) })),
      });
      // umoci fails for links to themselves and for files that become parents.
      const failed = await umociRawUnpack(image, folder.in("umoci")).catch(() => "failed");
      if (failed !== undefined) return;
      compared += 1;
      expect(withoutTimes(viewOfFolder(folder.in("umoci")))).toEqual(
        withoutTimes(viewOfModel(model)),
      );
    }),
    // A fixed seed: new differences would be umoci's and not caused by a change of tandem.
    { numRuns: 200, seed: 2 },
  );
  expect(compared).toBeGreaterThan(50);
});
