import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { openAgentSource } from "../../../src/cli/kairos-agent/open-agent-source.ts";
import { SILENT } from "../../../src/lib/talk.ts";
import { linux } from "../../../src/system/linux.ts";
import { rejection } from "../../fakes/source.ts";
import { temporaryFolder } from "../../peers/temporary-folder.ts";
import { REQUEST } from "../../upgrade/disk.ts";

const ownFolder = "/none";

/** Opens "/x.img" on a machine whose mounts lie in this folder. */
function open(folder: string, mountFile: () => () => void) {
  const mounts = { ...linux.mounts, ownFolder: folder, mountFile };
  const work = {
    system: { ...linux, mounts },
    talk: SILENT,
    signal: new AbortController().signal,
  };
  const source = { kind: "file", shown: "/x.img", noted: "file:///x.img" } as const;
  return openAgentSource(work, { request: { ...REQUEST, source: "file:/x.img" }, source });
}

test("a file system is mounted as long as its source is open", async () => {
  await using folder = await temporaryFolder();
  const events: string[] = [];
  await Bun.write(folder.in("source/etc/x"), "x");
  const source = await open(folder.path, () => {
    events.push("mount");
    return () => void events.push("unmount");
  });
  expect(source).toMatchObject({ kind: "tree", name: "file:/x.img" });
  expect(events).toEqual(["mount"]);
  source.close();
  expect(events).toEqual(["mount", "unmount"]);
});

test("a file system that is no folder is unmounted at once", async () => {
  await using folder = await temporaryFolder();
  writeFileSync(folder.in("source"), "no folder");
  let mounted = 0;
  const error = await rejection(
    open(folder.path, () => {
      mounted += 1;
      return () => void (mounted -= 1);
    }),
  );
  expect({ code: error.code, mounted }).toEqual({ code: "source", mounted: 0 });
});

test("a file that cannot be mounted tells why", async () => {
  const error = await rejection(
    open(ownFolder, () => {
      throw new Error("no file system");
    }),
  );
  expect(error.message).toBe("no file system");
});
