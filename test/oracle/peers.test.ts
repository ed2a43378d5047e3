/** Tests the helpers in test/peers: skopeo, umoci and GNU tar read what the writers make. */
import { expect, test } from "bun:test";
import { lstat, readFile, readlink } from "node:fs/promises";

import { command } from "../peers/command.ts";
import { pushImage, writeImage } from "../peers/image.ts";
import { startRegistry } from "../peers/registry.ts";
import { skopeoCopy } from "../peers/skopeo.ts";
import { tar, type TarMember } from "../peers/tar.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { umociRawUnpack, umociUnpack } from "../peers/umoci.ts";

const LONG = `usr/${"long/".repeat(40)}name`;
const LOWER: readonly TarMember[] = [
  { path: "etc/", kind: "directory" },
  { path: "etc/motd", data: "hello", mtime: "1600000000.123456789" },
  { path: "etc/old", data: "gone later" },
  { path: LONG, data: "deep", uid: 3_000_000, gid: 4 },
];
const UPPER: readonly TarMember[] = [
  { path: "etc/.wh.old", data: "" },
  { path: "etc/twin", kind: "hardlink", target: "etc/motd2" },
  { path: "etc/issue", kind: "symlink", target: "motd" },
];

test.each(["gzip", "none"] as const)(
  "an image with %s layers passes through registry, skopeo and umoci",
  async (compression) => {
    await using folder = await temporaryFolder();
    await using registry = await startRegistry();
    const upper: TarMember[] = [{ path: "etc/motd2", data: "two" }, ...UPPER];
    const image = await writeImage(folder.in("layout"), {
      layers: [
        { tar: LOWER, compression },
        { tar: tar(upper), compression },
      ],
    });
    await pushImage(image, { host: registry.host, name: "os/test:1" });
    await skopeoCopy(`docker://${registry.host}/os/test:1`, `oci:${folder.in("back")}:x`);
    await umociUnpack({ layout: folder.in("back"), tag: "x" }, folder.in("bundle"));
    const root = folder.in("bundle/rootfs");
    expect(await readFile(`${root}/etc/issue`, "utf8")).toBe("hello");
    expect(await readlink(`${root}/etc/issue`)).toBe("motd");
    expect((await lstat(`${root}/etc/twin`)).nlink).toBe(2);
    await expect(lstat(`${root}/etc/old`)).rejects.toThrow("ENOENT");
    const motd = await lstat(`${root}/etc/motd`, { bigint: true });
    expect(motd.mtimeNs).toBe(1600000000123456789n);
    await umociRawUnpack({ layout: folder.in("back"), tag: "x" }, folder.in("raw"));
    expect(await readFile(`${folder.in("raw")}/${LONG}`, "utf8")).toBe("deep");
  },
);

test("zstd and GNU tar read zstd layers", async () => {
  await using folder = await temporaryFolder();
  const { layers } = await writeImage(folder.path, {
    layers: [{ tar: LOWER, compression: "zstd" }],
  });
  const blob = folder.in(`blobs/sha256/${layers[0]?.digest.slice(7)}`);
  const listed = await command("tar", "--zstd", "--numeric-owner", "-tvf", blob);
  expect(listed).toContain("3000000/4");
  expect(listed).toContain(LONG);
});

test("startRegistry() with a login refuses other users", async () => {
  await using registry = await startRegistry({ login: { user: "me", password: "secret" } });
  const url = `http://${registry.host}/v2/`;
  expect((await fetch(url)).status).toBe(401);
  const authorization = `Basic ${btoa("me:secret")}`;
  expect((await fetch(url, { headers: { authorization } })).status).toBe(200);
});

test("startRegistry() throws the registry's output when it cannot start", async () => {
  const http = { addr: "127.0.0.1:1", tls: { certificate: "/nowhere", key: "/nowhere" } };
  await expect(startRegistry({ config: { http } })).rejects.toThrow("/nowhere");
});
