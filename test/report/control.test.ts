import { expect, test } from "bun:test";
import { controlPart } from "../../src/report/control.ts";
import { PLACES, systemWith, wholeDisk } from "../fakes/whole-disk.ts";
import { collected } from "./collected.ts";

const image = await wholeDisk();
const options = { disk: "/disk.img" };

test("record, specs and state are told", async () => {
  const { texts, missing } = await collected([controlPart(systemWith(image.file()), options)]);
  expect(missing).toEqual([]);
  expect(JSON.parse(texts["control.json"] ?? "")).toMatchObject({
    record: { good: "a", gen: 1 },
    specs: { a: { kernel: "/boot/vmlinuz" }, b: { invalid: expect.any(String) } },
    state: { slots: { a: { status: "written" } } },
  });
});

test("torn copies are told with what is wrong with them", async () => {
  const torn = image.fork();
  torn.write(PLACES.control.offsetBytes, new Uint8Array(8192));
  const { texts } = await collected([controlPart(systemWith(torn.file()), options)]);
  const { record, recordProblems } = JSON.parse(texts["control.json"] ?? "") as {
    record?: unknown;
    recordProblems: string[];
  };
  expect({ record, problems: recordProblems.length }).toEqual({ record: undefined, problems: 2 });
});
