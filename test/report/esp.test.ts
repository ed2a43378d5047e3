import { expect, test } from "bun:test";
import { espPart, listing } from "../../src/report/esp.ts";
import { rawEsp } from "../../src/boot/esp/raw-esp.ts";
import { fillEsp, partOfDisk, PLACES, systemWith, wholeDisk } from "../fakes/whole-disk.ts";
import { collected } from "./collected.ts";

const grub = await wholeDisk();
const systemd = await wholeDisk("v1", { loader: "systemd-boot" });

test("for an ESP with GRUB the report holds the list of all paths and GRUB's files", async () => {
  const { texts, missing } = await collected([espPart(systemWith(grub.file()), "/disk.img")]);
  expect(missing).toEqual([]);
  expect(Object.keys(texts)).toEqual([
    "esp-1.txt",
    "esp-1/tandem/grub.cfg",
    "esp-1/tandem/disk.cfg",
    "esp-1/tandem/tries",
  ]);
  expect(texts["esp-1.txt"]?.split("\n")).toContain("/tandem/grub.cfg 13");
  expect(texts["esp-1/tandem/grub.cfg"]).toBe("# the script\n");
});

test("for an ESP with systemd-boot the report holds loader.conf and the entries, but no kernel", async () => {
  const { texts, missing } = await collected([espPart(systemWith(systemd.file()), "/disk.img")]);
  expect(missing).toEqual([]);
  expect(texts["esp-1.txt"]).toMatch(/^\/tandem\/a\/linux-[0-9a-f]{12} \d+$/m);
  expect(texts["esp-1/loader/loader.conf"]).toContain("default tandem-*");
  const entries = Object.keys(texts).filter((path) => path.startsWith("esp-1/loader/entries/"));
  expect(entries).not.toBeEmpty();
  expect(Object.keys(texts).filter((path) => path.includes("linux"))).toEqual([]);
});

test("an ESP without a file system is named", async () => {
  const wiped = grub.fork();
  wiped.write(PLACES.esp.offsetBytes, new Uint8Array(4096));
  const { texts, missing } = await collected([espPart(systemWith(wiped.file()), "/disk.img")]);
  expect(texts).toEqual({});
  expect(missing).toEqual([expect.stringMatching(/^esp-1\.txt: Cannot .*"EFI system" of/)]);
});

test("the list has a line for a folder that cannot be read", async () => {
  const esp = rawEsp(partOfDisk(grub.file(), "esp"));
  const list = (path: string): ReturnType<typeof esp.list> => {
    if (path === "/tandem") throw new Error("Cannot list /tandem: damaged");
    return esp.list(path);
  };
  const lines = listing({ ...esp, list }).split("\n");
  expect(lines).toContain("Cannot list /tandem: damaged");
  expect(lines).toContain("/EFI/");
});

test("the list of a folder that contains itself has an end", () => {
  const esp = rawEsp(partOfDisk(grub.file(), "esp"));
  const again = { name: "again", isFolder: true, sizeBytes: 0 };
  expect(listing({ ...esp, list: () => [again, again] }).split("\n").length).toBeLessThan(5100);
});

test("a file that is too large to be text is named", async () => {
  const image = grub.fork();
  const folders = [["/tandem", undefined]] as const;
  const large = Buffer.alloc(70_000, "x");
  await fillEsp(
    image,
    new Map<string, Uint8Array | undefined>([...folders, ["/tandem/grub.cfg", large]]),
  );
  const { missing } = await collected([espPart(systemWith(image.file()), "/disk.img")]);
  expect(missing).toEqual([
    expect.stringMatching(
      /^esp-1\/tandem\/grub\.cfg: Cannot show .*: it has more than 65536 bytes$/,
    ),
  ]);
});
