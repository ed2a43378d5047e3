import { expect, test } from "bun:test";
import { controlPart } from "../../src/report/control.ts";
import { PLACES, systemWith, wholeDisk } from "../fakes/whole-disk.ts";
import { collected } from "./collected.ts";

const image = await wholeDisk();
const options = { disk: "/disk.img" };

test("the report holds record, specs and state", async () => {
  const { texts, missing } = await collected([controlPart(systemWith(image.file()), options)]);
  expect(missing).toEqual([]);
  expect(JSON.parse(texts["control.json"] ?? "")).toMatchObject({
    record: { good: "a", gen: 1 },
    specs: { a: { kernel: "/boot/vmlinuz" }, b: { invalid: expect.any(String) } },
    state: { slots: { a: { status: "written" } } },
  });
});

test("the report holds the blocks that the boot loader reads, also damaged ones", async () => {
  const torn = image.fork();
  torn.write(PLACES.control.offsetBytes, Buffer.from([0, 7, 0xff]));
  const { texts } = await collected([controlPart(systemWith(torn.file()), options)]);
  const blocks = (texts["loader-data.txt"] ?? "").split("### ").slice(1);
  expect(blocks.map((block) => block.split("\n")[0])).toEqual([
    "record, copy 0",
    "record, copy 1",
    "spec of slot a",
    "spec of slot b",
    "spec of slot recovery",
  ]);
  const [first = "", second = ""] = blocks;
  expect(first + second).toMatch(/^gen=1$/m);
  expect(first).toMatch(/^\?\?\?RUB Environment Block$/m);
  expect(blocks[2]).toMatch(/^kernel=\/boot\/vmlinuz$/m);
  expect(blocks[3]).toBe("spec of slot b\n???…\n");
});

test("the report says why torn copies are invalid", async () => {
  const torn = image.fork();
  torn.write(PLACES.control.offsetBytes, new Uint8Array(8192));
  const { texts } = await collected([controlPart(systemWith(torn.file()), options)]);
  const { record, recordProblems } = JSON.parse(texts["control.json"] ?? "") as {
    record?: unknown;
    recordProblems: string[];
  };
  expect({ record, problems: recordProblems.length }).toEqual({ record: undefined, problems: 2 });
});
