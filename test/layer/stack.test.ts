import { expect, test } from "bun:test";
import fc from "fast-check";

import { viewOfModel } from "../fakes/layer-model.ts";
import { STACK } from "../fakes/random-layers.ts";
import { linesOfView } from "../fixtures/view.ts";
import { tar } from "../peers/tar.ts";
import { diffIdOf, unpackImage } from "./unpack-image.ts";

test("Merge makes the same tree as a model of the rules, for any layers", () => {
  fc.assert(
    fc.property(STACK, ({ layers, model }) => {
      const tars = layers.map((members) => tar(members));
      const view = unpackImage(tars.map((bytes) => ({ bytes, diffId: diffIdOf(bytes) })));
      expect(linesOfView(view)).toEqual(linesOfView(viewOfModel(model)));
    }),
    { numRuns: 400 },
  );
});
