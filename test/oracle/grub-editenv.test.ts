/** GRUB's own tool reads the blocks that tandem writes for load_env. Both parse any other block in the same way. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseEnvBlock } from "../../src/control/env-block.ts";
import { encodeRecord, parseRecord, TRIES_MAX, type BootRecord } from "../../src/control/record.ts";
import { encodeSpec } from "../../src/control/spec.ts";
import { PARTITION_ADDRESS } from "../../src/slot/partitions.ts";
import { command } from "../peers/command.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

const OLD: BootRecord = {
  gen: 98,
  good: "a",
  trial: undefined,
  tries: 0,
  limit: 0,
  last: undefined,
};
const NEW: BootRecord = {
  gen: 99,
  good: "a",
  trial: "b",
  tries: 3,
  limit: TRIES_MAX,
  last: "recovery",
};

async function listed(bytes: Uint8Array): Promise<string> {
  await using folder = await temporaryFolder();
  const path = folder.in("env");
  await Bun.write(path, bytes);
  return await command("grub-editenv", path, "list");
}

test("grub-editenv lists a record", async () => {
  expect(await listed(encodeRecord(NEW))).toBe(
    `gen=99\ngood=a\ntrial=b\ntries=3\nlimit=${TRIES_MAX}\nlast=recovery\ngen_end=99\n`,
  );
  expect(await listed(encodeRecord(OLD))).toBe(
    "gen=98\ngood=a\ntrial=\ntries=0\nlimit=0\nlast=\ngen_end=98\n",
  );
});

test.each([
  ["the first sector", [NEW, OLD], "99", "98"],
  ["the second sector", [OLD, NEW], "98", "99"],
] as const)(
  "grub-editenv sees that only %s was written",
  async (...[, [first, second], gen, end]) => {
    const torn = Buffer.concat([
      encodeRecord(first).subarray(0, 512),
      encodeRecord(second).subarray(512),
    ]);
    const text = await listed(torn);
    expect(text).toContain(`gen=${gen}\n`);
    expect(text).toContain(`gen_end=${end}\n`);
    expect(parseRecord(torn)).toHaveProperty("invalid");
  },
);

test("grub-editenv changes a record that tandem still reads", async () => {
  await using folder = await temporaryFolder();
  const path = folder.in("env");
  await Bun.write(path, encodeRecord(NEW));
  await command("grub-editenv", path, "set", "tries=2", "gen=100", "gen_end=100");
  const bytes = new Uint8Array(await Bun.file(path).arrayBuffer());
  expect(parseRecord(bytes)).toEqual({ ...NEW, gen: 100, tries: 2 });
});

test("grub-editenv lists a spec of 4096 bytes", async () => {
  const options = `a="b c" d=\\e f=$g ${"x".repeat(1400)}`;
  const spec = {
    kernel: "/boot/vmlinuz-6.1.0",
    initrd: undefined,
    options,
    address: { part: "3", partuuid: "0fc63daf-8483-4772-8e79-3d69d8477de4" },
    digest: `sha256:${"a".repeat(64)}`,
  };
  const { address, digest } = spec;
  expect(await listed(encodeSpec("a", spec, PARTITION_ADDRESS))).toBe(
    `kernel=/boot/vmlinuz-6.1.0\ninitrd=\noptions=${options}\npart=3\npartuuid=${address.partuuid}\ndigest=${digest}\n`,
  );
});

test("grub-editenv refuses an erased spec too", async () => {
  await expect(listed(new Uint8Array(4096))).rejects.toThrow("invalid environment block");
});

test("grub-editenv and tandem parse any block in the same way", async () => {
  const line = fc
    .tuple(fc.stringMatching(/^[a-z_]{1,8}$/), fc.stringMatching(/^[ -~\n\\#=]{0,20}$/))
    .map(([name, value]) => `${name}=${value.replaceAll(/[\\\n]/g, String.raw`\$&`)}\n`);
  const comment = fc.stringMatching(/^#[ -[\]-~]{0,20}$/).map((text) => `${text}\n`);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(line, comment), { maxLength: 12 }), async (lines) => {
      const text = `# GRUB Environment Block\n${lines.join("")}`.padEnd(1024, "#");
      const block = parseEnvBlock(Buffer.from(text, "latin1"));
      const values = "invalid" in block ? [] : [...block.values];
      const seen = (await listed(Buffer.from(text, "latin1"))).split("\n").toSorted();
      const own = values.flatMap(([name, value]) => `${name}=${value}`.split("\n"));
      for (const each of own) expect(seen).toContain(each);
      if (new Set(lines.map((one) => one.split("=")[0])).size === lines.length)
        expect(seen.filter((each) => each !== "")).toEqual(
          own.filter((each) => each !== "").toSorted(),
        );
    }),
    { numRuns: 40 },
  );
});
