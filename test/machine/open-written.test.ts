import { expect, test } from "bun:test";
import { openWritten } from "../../src/machine/open-written.ts";
import type { Machine } from "../../src/machine/machine.ts";
import { readBlock } from "../../src/system/block-file.ts";
import { PagedImage } from "../fakes/paged-image.ts";

const OFFSET = 1024 + 0x78;

function slotWith(label: string, options: Partial<Pick<Machine, "staging">> = {}) {
  const image = PagedImage.zeros(8192);
  const block = image.file();
  block.write(OFFSET, Buffer.from(label.padEnd(16, "\0")));
  const passive = { sizeBytes: 8192, address: {}, label: "COS_PASSIVE" };
  const staging = {} as Machine["staging"];
  return {
    slots: { passive },
    staging,
    openSlot: () => ({ block, path: "", offsetBytes: 0 }),
    ...options,
  };
}

async function labelIn(machine: ReturnType<typeof slotWith>): Promise<string> {
  const block = openWritten(machine, "passive", { label: "COS_ACTIVE" });
  const whole = new Uint8Array(4096);
  await block.read(0, whole);
  const small = readBlock(block, OFFSET - 8, 64);
  expect(Buffer.from(small).subarray(8, 24)).toEqual(
    Buffer.from(whole.subarray(OFFSET, OFFSET + 16)),
  );
  return Buffer.from(whole.subarray(OFFSET, OFFSET + 16))
    .toString()
    .replaceAll("\0", "");
}

test("the label that a system got with its slot is read as the one that was written", async () => {
  expect(await labelIn(slotWith("COS_PASSIVE"))).toBe("COS_ACTIVE");
});

test("any other label is read as it is", async () => {
  expect(await labelIn(slotWith("COS_OTHER"))).toBe("COS_OTHER");
});

test("a slot that is written in place is read as it is", async () => {
  expect(await labelIn(slotWith("COS_PASSIVE", { staging: undefined }))).toBe("COS_PASSIVE");
});
