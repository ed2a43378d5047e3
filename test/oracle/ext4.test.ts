/** e2fsck, the kernel, debugfs, resize2fs and GRUB accept what the ext4 writer makes. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { readdir, rm, stat, writeFile } from "node:fs/promises";

import type { Xattr } from "../../src/tar/entry.ts";
import type { DirectoryNode, FileNode, TreeNode } from "../../src/layer/tree.ts";
import { Allocator } from "../../src/ext4/allocator.ts";
import { DataWriter } from "../../src/ext4/data-writer.ts";
import { fillHoles } from "../../src/ext4/fill-holes.ts";
import { readFile } from "../../src/ext4/read.ts";
import { GiB, KiB, MiB } from "../../src/lib/units.ts";
import { openBlockFile } from "../../src/system/linux-block-file.ts";
import {
  COLLIDING_NAMES,
  deviceNode,
  directory,
  Ext4Image,
  fifo,
  fileAt,
  IDENTITY,
  symlink,
  xattr,
} from "../fakes/ext4-image.ts";
import { command, commandBytes } from "../peers/command.ts";
import { complaints, mountWritable, superblockOf, writeExt4 } from "../peers/ext4-tools.ts";
import { loopMount } from "../peers/loop-mount.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { linesOfFolder, linesOfTree, LOST_AND_FOUND } from "../peers/tree-lines.ts";
import { randomRoot } from "./random-tree.ts";
import { plainOutbox } from "../../src/system/outbox.ts";

/** Builds, checks and mounts a file system, and compares all that lstat, listxattr and read return. */
async function check(sizeBytes: number, build: (image: Ext4Image) => DirectoryNode): Promise<void> {
  await using folder = await temporaryFolder();
  const path = folder.in("image");
  const root = writeExt4(path, sizeBytes, build);
  expect(await complaints(path)).toEqual([]);
  const file = openBlockFile(path, { write: false });
  const want = linesOfTree(root, (node) => readFile(file, node));
  file.close();
  await using mount = await loopMount(path);
  expect(linesOfFolder(mount.path, [LOST_AND_FOUND])).toEqual(want);
}

/** Bytes that depend on their offset. */
function pattern(sizeBytes: number, start = 0): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  for (let at = 0; at < sizeBytes; at += 1) bytes[at] = (at * 7 + (at >> 8) + start) & 0xff;
  return bytes;
}

/** Data in every other block. */
function scattered(image: Ext4Image, extents: number): TreeNode {
  const runs = Array.from(
    { length: extents },
    (_, index) => [index * 8192, pattern(4096, index)] as const,
  );
  return image.sparseFile(extents * 8192, runs);
}

test.each([4 * MiB, 8 * MiB, 129 * MiB, 1 * GiB, 100 * GiB])(
  "T70 T77 an empty file system of %d bytes has the decided features and can be used",
  async (sizeBytes) => {
    await using folder = await temporaryFolder();
    const path = folder.in("image");
    writeExt4(path, sizeBytes, () => directory());
    expect(await complaints(path)).toEqual([]);
    const facts = await superblockOf(path);
    expect(facts.get("Filesystem volume name")).toBe("tandem-a");
    expect(facts.get("Filesystem UUID")).toBe(IDENTITY.uuid);
    expect(facts.get("Filesystem features")?.split(" ").toSorted()).toEqual([
      "dir_index",
      "dir_nlink",
      "ext_attr",
      "extent",
      "extra_isize",
      "filetype",
      "flex_bg",
      "huge_file",
      "large_file",
      "metadata_csum",
      "sparse_super",
    ]);
    {
      await using mount = await mountWritable(path);
      for (let index = 0; index < 100; index += 1)
        await writeFile(`${mount.path}/file ${index}`, pattern(5000, index));
      expect(await readdir(mount.path)).toHaveLength(101);
    }
    expect(await complaints(path)).toEqual([]);
  },
);

test.each([1, 4095, 4096, 4097, 1 * MiB, 3 * MiB + 17])("T72 a file of %d bytes", (sizeBytes) =>
  check(64 * MiB, (image) => directory({ file: image.file(pattern(sizeBytes)) })),
);

test.each([4, 5, 340, 341, 1360, 1361, 2000])("T72 a file of %d extents", (extents) =>
  check(64 * MiB, (image) => directory({ file: scattered(image, extents) })),
);

test("small files, holes, and files that later layers replace", () =>
  check(300 * MiB, (image) => {
    const small = Array.from({ length: 3000 }, (_, index) => {
      image.file(pattern(index));
      return [`file ${index}`, image.file(pattern(index * 3, index))] as const;
    });
    return directory({
      small: directory(small),
      large: image.file(pattern(10 * MiB)),
      "hole first": image.sparseFile(20_000, [[8192, pattern(10)]]),
      "hole last": image.sparseFile(1 * MiB, [[0, pattern(10)]]),
      "all hole": image.sparseFile(1 * MiB, []),
    });
  }));

test("files of several writers in alternating chunks", () =>
  check(300 * MiB, (image) => {
    const twin = Allocator.attach(image.geometry, image.allocator.shared);
    const others = [1, 2].map(() => new DataWriter(plainOutbox(image.target), twin));
    const files = Array.from({ length: 300 }, (_, index) => {
      const bytes = pattern(index * 400 + (index % 50 === 0 ? 3 * MiB : 0), index);
      const writer = others[index % 3] ?? image.data;
      writer.begin(bytes.byteLength, bytes.byteLength);
      writer.write(bytes);
      return [`${index}`, fileAt(bytes.byteLength, writer.end())] as const;
    });
    for (const writer of others) writer.finish();
    return directory(files);
  }));

test("T72 a file of more than 4 GiB", async () => {
  await using folder = await temporaryFolder();
  const path = folder.in("image");
  const sizeBytes = 4 * GiB + 1;
  writeExt4(path, 64 * MiB, (image) =>
    directory({ file: image.sparseFile(sizeBytes, [[sizeBytes - 1, pattern(1, 9)]]) }),
  );
  expect(await complaints(path)).toEqual([]);
  await using mount = await loopMount(path);
  expect((await stat(`${mount.path}/file`)).size).toBe(sizeBytes);
  const tail = Bun.file(`${mount.path}/file`).slice(sizeBytes - 2);
  expect([...(await tail.bytes())]).toEqual([0, 9]);
});

test("T72 a file of more than one extent's blocks", async () => {
  await using folder = await temporaryFolder();
  const path = folder.in("image");
  // Nothing is written: the 150 MiB lie in blocks that no other file uses.
  writeExt4(path, 1 * GiB, () =>
    directory({
      file: fileAt(150 * MiB, [{ logicalBlock: 0, physicalBlock: 100_000, blocks: 38_400 }]),
    }),
  );
  expect(await complaints(path)).toEqual([]);
  expect(await command("debugfs", "-R", "ex /file", path)).toContain("32768");
});

const at = (seconds: number, nanoseconds: number): TreeNode =>
  fifo({ mtime: { seconds, nanoseconds } });

test("T73 all kinds, owners and times", () =>
  check(16 * MiB, (image) => {
    const twin = image.file("twin");
    return directory(
      {
        "59": symlink("t".repeat(59)),
        "60": symlink("t".repeat(60)),
        "4095": symlink("t".repeat(4095)),
        null: deviceNode("character", [1, 3]),
        disk: deviceNode("block", [259, 65_536]),
        "before 1970": at(-1, 5),
        "first time": at(-(2 ** 31), 0),
        "2038": at(2 ** 31, 0),
        "2106": at(2 ** 32, 999_999_999),
        "last time": at(15_032_385_535, 0),
        "set user": image.file("x", { mode: 0o6711, uid: 4_294_967_294, gid: 70_000 }),
        sticky: directory({ empty: image.file("") }, { mode: 0o1777 }),
        twin,
        below: directory({ twin, other: twin }),
      },
      { mode: 0o700, uid: 5 },
    );
  }));

/** Read and execute for one more user than the owner: user, named user, group, mask, others. */
function acl(name: string, uid: number): Xattr {
  const named = `02000500${uid.toString(16).padStart(2, "0")}000000`;
  const rest = "04000500ffffffff10000500ffffffff20000400ffffffff";
  return xattr(name, Uint8Array.fromHex(`0200000001000700ffffffff${named}${rest}`));
}

test("T74 extended attributes, in the inode and in a block", () =>
  check(16 * MiB, (image) => {
    const capability = xattr(
      "security.capability",
      Uint8Array.fromHex("0100000200200000000000000000000000000000"),
    );
    const many = Array.from({ length: 30 }, (_, index) =>
      xattr(`user.${"k".repeat((index * 7) % 13)}${index}`, `${index}`),
    );
    return directory({
      small: image.file("x", { xattrs: [capability] }),
      large: image.file("x", { xattrs: [xattr("user.large", "v".repeat(3000)), capability] }),
      largest: image.file("x", { xattrs: [xattr("user.a", pattern(4040))] }),
      many: image.file("x", { xattrs: many }),
      empty: image.file("x", { xattrs: [xattr("user.nothing", "")] }),
      "not ASCII": directory(
        {},
        { xattrs: [xattr("user.grüße", "ü".repeat(50)), xattr("user.ÿ", "y")] },
      ),
      trusted: symlink("x", { xattrs: [xattr("trusted.a", "b")] }),
      acl: image.file("x", { mode: 0o754, xattrs: [acl("system.posix_acl_access", 9)] }),
      "default acl": directory({}, { xattrs: [acl("system.posix_acl_default", 8)] }),
    });
  }));

test("T74 the kernel finds and adds extended attributes", async () => {
  await using folder = await temporaryFolder();
  const path = folder.in("image");
  const keys = Array.from(
    { length: 40 },
    (_, index) => `user.${"k".repeat((index * 7) % 13)}${index}`,
  );
  writeExt4(path, 16 * MiB, (image) => {
    const xattrs = [...keys, "user.zzzzzzzzzzzzz", "trusted.a"].map((key) => xattr(key, key));
    return directory({ file: image.file("x", { xattrs }) });
  });
  {
    await using mount = await mountWritable(path);
    await command("setcap", "cap_net_raw+ep", `${mount.path}/file`);
    expect(await command("getcap", `${mount.path}/file`)).toContain("cap_net_raw");
    const line = linesOfFolder(mount.path).find((each) => each.startsWith("/file"));
    for (const key of keys) expect(line).toContain(`${key}=${Buffer.from(key).toString("hex")}`);
  }
  expect(await complaints(path)).toEqual([]);
});

/** Names that fill both levels of the index, with collisions. */
const manyNames = (count: number, length: number): string[] => [
  ...COLLIDING_NAMES,
  ...Array.from({ length: count }, (_, index) => `${index}-`.padEnd(length, "n")),
];

// One block, two blocks, one level full, two levels.
test.each([
  [180, 8],
  [400, 8],
  [7600, 255],
  [9000, 255],
  [100_000, 20],
])(
  "T71 a directory of %d names of %d bytes can be read, shrunk and filled",
  async (count, length) => {
    await using folder = await temporaryFolder();
    const path = folder.in("image");
    const names = manyNames(count, length);
    writeExt4(path, count > 10_000 ? 2 * GiB : 256 * MiB, (image) => {
      const node = image.file("x");
      const entries = names.map(
        (name, index) => [name, index % 2 === 0 ? fifo() : symlink("x")] as const,
      );
      return directory({ many: directory(entries), node });
    });
    expect(await complaints(path)).toEqual([]);
    {
      await using mount = await mountWritable(path);
      const many = `${mount.path}/many`;
      expect(readdirSync(many).toSorted()).toEqual(names.toSorted());
      // A lookup uses the index, a listing does not.
      for (const name of names.filter((_, index) => index < 2 || index % 97 === 0))
        await rm(`${many}/${name}`);
      for (let index = 0; index < 500; index += 1) await writeFile(`${many}/new ${index}`, "");
    }
    expect(await complaints(path)).toEqual([]);
  },
);

test("T71 a directory of more subdirectories than it can count", async () => {
  await using folder = await temporaryFolder();
  const path = folder.in("image");
  const subdirectories = Array.from(
    { length: 65_000 },
    (_, index) => [`${index}`, directory()] as const,
  );
  writeExt4(path, 2 * GiB, () => directory({ many: directory(subdirectories) }));
  expect(await complaints(path)).toEqual([]);
  await using mount = await loopMount(path);
  expect((await stat(`${mount.path}/many`)).nlink).toBe(1);
});

test("T72 debugfs reads what was written", async () => {
  await using folder = await temporaryFolder();
  const path = folder.in("image");
  const want = pattern(2 * MiB + 5);
  writeExt4(path, 16 * MiB, (image) => directory({ dir: directory({ file: image.file(want) }) }));
  await command("debugfs", "-R", `dump /dir/file ${folder.in("copy")}`, path);
  expect(Buffer.compare(readFileSync(folder.in("copy")), want)).toBe(0);
});

test("e2fsck restores a lost superblock from a backup", async () => {
  await using folder = await temporaryFolder();
  const path = folder.in("image");
  const root = writeExt4(path, 300 * MiB, (image) =>
    directory({ file: image.file(pattern(9999)) }),
  );
  const file = openBlockFile(path, { write: true });
  file.write(0, new Uint8Array(8 * KiB));
  file.close();
  // Status 1: errors were corrected.
  await command("bash", "-c", `e2fsck -fy -b 32768 -B 4096 ${path} || [ $? = 1 ]`);
  expect(await complaints(path)).toEqual([]);
  await using mount = await loopMount(path);
  const lines = linesOfFolder(mount.path, [LOST_AND_FOUND]);
  expect(lines).toEqual(linesOfTree(root, () => pattern(9999)));
});

test("T75 resize2fs grows it unmounted, and the kernel fills 90 % of its inodes", async () => {
  await using folder = await temporaryFolder();
  const path = folder.in("image");
  writeExt4(path, 128 * MiB, (image) => directory({ file: image.file(pattern(5 * MiB)) }));
  await command("truncate", "-s", "512M", path);
  await command("e2fsck", "-fp", path);
  await command("resize2fs", path);
  expect(await complaints(path)).toEqual([]);
  {
    await using mount = await mountWritable(path);
    expect(Buffer.compare(readFileSync(`${mount.path}/file`), pattern(5 * MiB))).toBe(0);
    await writeFile(`${mount.path}/more`, pattern(300 * MiB));
    // 90 % of the inodes at four times the size.
    for (let index = 0; index < 29_400; index += 1) writeFileSync(`${mount.path}/${index}`, "");
  }
  expect(await complaints(path)).toEqual([]);
});

test("T76 GRUB reads files through links, extents and large directories", async () => {
  await using folder = await temporaryFolder();
  const path = folder.in("image");
  const kernel = pattern(9 * MiB + 123);
  writeExt4(path, 128 * MiB, (image) => {
    // Blocks of another file lie between those of the initrd, so that each is an extent.
    const pieces = Array.from({ length: 400 }, (_, index) => {
      const piece = image.file(pattern(4096, index)).extents;
      image.file("x");
      return piece.map((extent) => ({ ...extent, logicalBlock: index }));
    });
    const initrd = fileAt(400 * 4096, pieces.flat());
    const many = Array.from({ length: 1000 }, (_, index) => [`${index}`, fifo()] as const);
    return directory({
      boot: directory([
        ["vmlinuz-6", image.file(kernel)],
        ["vmlinuz", symlink("vmlinuz-6")],
        ["initrd", initrd],
        ...many,
      ]),
      vmlinuz: symlink("/boot/vmlinuz-6"),
    });
  });
  const cat = (name: string): Promise<Buffer> =>
    commandBytes("grub-fstest", path, "cat", `(loop0)${name}`);
  for (const name of ["/boot/vmlinuz-6", "/boot/vmlinuz", "/vmlinuz"])
    expect(Buffer.compare(await cat(name), kernel)).toBe(0);
  const initrd = Buffer.concat(Array.from({ length: 400 }, (_, index) => pattern(4096, index)));
  expect(Buffer.compare(await cat("/boot/initrd"), initrd)).toBe(0);
});

test("T76 GRUB reads a boot file that was archived with holes", async () => {
  await using folder = await temporaryFolder();
  const path = folder.in("image");
  const want = Buffer.concat([Buffer.alloc(8 * KiB), pattern(5000), Buffer.alloc(3 * KiB)]);
  const holed = (image: Ext4Image): FileNode =>
    image.sparseFile(want.byteLength, [[8 * KiB, pattern(5000)]]);
  writeExt4(path, 16 * MiB, (image) => {
    const kernel = holed(image);
    fillHoles(kernel, image.data);
    return directory({ vmlinuz: kernel, holed: holed(image) });
  });
  expect(await complaints(path)).toEqual([]);
  const cat = await commandBytes("grub-fstest", path, "cat", "(loop0)/vmlinuz");
  expect(Buffer.compare(cat, want)).toBe(0);
  await expect(commandBytes("grub-fstest", path, "cat", "(loop0)/holed")).rejects.toThrow("extent");
});

test("a file system over old data is valid", async () => {
  await using folder = await temporaryFolder();
  const path = folder.in("image");
  await writeFile(path, new Uint8Array(300 * MiB).fill(0xa5));
  const target = openBlockFile(path, { write: true });
  const image = new Ext4Image(target);
  image.finish(directory({ file: image.file(pattern(10_000)), link: symlink("x".repeat(99)) }));
  target.close();
  expect(await complaints(path)).toEqual([]);
  {
    // The kernel uses inodes and blocks that are marked as never used.
    await using mount = await mountWritable(path);
    for (let index = 0; index < 2000; index += 1)
      await writeFile(`${mount.path}/new ${index}`, "new");
  }
  expect(await complaints(path)).toEqual([]);
});

test("T71 T73 T74 the kernel shows random trees as they were", async () => {
  await fc.assert(
    fc.asyncProperty(randomRoot, async (build) => {
      await check(32 * MiB, build);
    }),
    { numRuns: 40 },
  );
}, 300_000);
