import { expect, test } from "bun:test";
import { SILENT } from "../../src/lib/talk.ts";
import type { FileSystemSource } from "../../src/source/source.ts";
import { contentOf } from "../../src/write/content.ts";
import { memorySource } from "../fakes/machine.ts";
import { rejection } from "../fakes/source.ts";

const WORK = { talk: SILENT, signal: new AbortController().signal };

test("contentOf() looks up the image of a source of layers", async () => {
  const source = memorySource("v1");
  const { name, digest } = await contentOf(source, WORK);
  expect({ name, digest }).toEqual({ name: source.name, digest: (await source.image()).digest });
});

test("contentOf() refuses a file system, which tandem cannot copy yet", async () => {
  const source: FileSystemSource = {
    kind: "filesystem",
    name: "file:/x.img",
    recipe: undefined,
    file: "/x.img",
    close() {},
  };
  expect(await rejection(contentOf(source, WORK))).toMatchObject({
    code: "source",
    message: "Cannot write file:/x.img: it gives a file system, which tandem cannot write",
  });
});
