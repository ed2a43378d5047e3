import fc from "fast-check";

import type { TarMember } from "../peers/tar.ts";
import { applyLayer, emptyModel, type Model, Refusal } from "./layer-model.ts";

/** Few names, so that layers often change the same paths. */
const NAME = fc.constantFrom("a", "b", "c");
const PATH = fc.array(NAME, { minLength: 1, maxLength: 4 }).map((names): string => names.join("/"));
const TARGET = fc
  .tuple(fc.constantFrom("", "/", "../", "../../", "./"), PATH)
  .map(([start, path]): string => start + path);
const ATTRIBUTES = fc.record({
  mode: fc.constantFrom(0o644, 0o755, 0o700, 0o4711, 0o1777),
  uid: fc.constantFrom(0, 1000, 70_000),
  gid: fc.constantFrom(0, 8),
  mtime: fc.nat(2 ** 32).map(String),
});
const XATTRS = fc.constantFrom<Record<string, Uint8Array>>(
  {},
  {},
  { "user.a": Buffer.from("1") },
  { "user.b": Buffer.alloc(300, "b") },
);

const MEMBER: fc.Arbitrary<TarMember> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(PATH, fc.nat(9000), ATTRIBUTES, XATTRS)
      .map(([path, size, more, xattrs]) => ({
        path,
        data: Buffer.alloc(size, "d"),
        xattrs,
        ...more,
      })),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.oneof(PATH, PATH, fc.constant("")), ATTRIBUTES, XATTRS)
      .map(([path, more, xattrs]) => ({ path, kind: "directory" as const, xattrs, ...more })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(PATH, TARGET, ATTRIBUTES).map(([path, target, more]) => ({
      ...more,
      path,
      kind: "symlink" as const,
      target,
      mode: 0o777,
    })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(PATH, PATH, ATTRIBUTES)
      .map(([path, target, more]) => ({ path, kind: "hardlink" as const, target, ...more })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(PATH, ATTRIBUTES)
      .map(([path, more]) => ({ path, kind: "fifo" as const, ...more })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        PATH,
        fc.constantFrom("character" as const, "block" as const),
        fc.nat(4095),
        fc.nat(2 ** 20 - 1),
      )
      .map(([path, kind, major, minor]) => ({ path, kind, major, minor })),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.array(NAME, { maxLength: 3 }),
        fc.constantFrom(".wh.a", ".wh.b", ".wh.c", ".wh..wh..opq"),
      )
      .map(([names, last]) => ({ path: [...names, last].join("/"), data: "" })),
  },
);

export interface Stack {
  readonly layers: readonly (readonly TarMember[])[];
  readonly model: Model;
}

/** Valid layers and the tree that they make. */
export const STACK: fc.Arbitrary<Stack> = fc
  .array(fc.array(MEMBER, { maxLength: 14 }), { minLength: 2, maxLength: 4 })
  .map((layers) => {
    let model = emptyModel();
    const kept = layers.map((layer) => {
      const [accepted, next] = accept(model, layer);
      model = next;
      return accepted;
    });
    return { layers: kept, model };
  });

/** Removes the members that the model refuses, one after another. */
function accept(model: Model, layer: readonly TarMember[]): [readonly TarMember[], Model] {
  const next = new Map(model);
  try {
    applyLayer(next, layer);
    return [layer, next];
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return accept(
      model,
      layer.filter((member) => member !== error.member),
    );
  }
}
