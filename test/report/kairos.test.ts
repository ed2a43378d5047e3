import { expect, test } from "bun:test";
import { kairosParts } from "../../src/report/kairos.ts";
import type { System } from "../../src/system/system.ts";
import { memoryFiles } from "../fakes/files.ts";
import { memorySystem } from "../fakes/machine.ts";
import { collected } from "./collected.ts";

const RELEASE = "KAIROS_VERSION=v1\n";
const STATE = "/run/initramfs/cos-state";

function systemWith(content: Readonly<Record<string, string>>, status = 0): System {
  const files = memoryFiles(content);
  return {
    ...memorySystem(),
    files,
    durable: {
      ...memorySystem().durable,
      list: (path) =>
        files.list(path).map((name) => ({
          name,
          isFolder: false,
          sizeBytes: files.readBytes(`${path}/${name}`)?.byteLength ?? 0,
        })),
    },
    run: (command) =>
      Promise.resolve(
        status === 0
          ? { status, stdout: `${command.at(-1)}\n`, stderr: "" }
          : { status, stdout: "", stderr: "no journal" },
      ),
  };
}

test("a machine without Kairos has no such parts", () => {
  expect(kairosParts(systemWith({}))).toEqual([]);
});

test("the report has the logs that kairos-agent collects, and the files of the boot menu", async () => {
  const system = systemWith({
    "/etc/kairos-release": RELEASE,
    "/oem/grubenv": "next_entry=cos\n",
    "/oem/a.yaml": "#cloud-config\nlogs: {journal: [mine], files: [/srv/x-*.txt, /srv/none]}\n",
    [`${STATE}/cOS/active.img`]: "1234",
    "/var/log/kairos/agent.log": "of the agent",
    "/var/log/other.log": "another",
    "/var/log/other.txt": "no log",
    "/run/immucore/immucore.log": "of the initrd",
    "/srv/x-1.txt": "mine",
    "/srv/y-1.txt": "not asked for",
  });
  const { texts, missing } = await collected(kairosParts(system));
  expect(missing).toEqual([]);
  expect(texts).toMatchObject({
    "kairos/etc/kairos-release": RELEASE,
    "kairos/oem/grubenv": "next_entry=cos\n",
    "kairos/folders.txt": `4 ${STATE}/cOS/active.img\n13 /run/immucore/immucore.log\n`,
    "kairos/journal/kairos-agent.txt": "--unit=kairos-agent\n",
    "kairos/journal/cos-setup-boot.txt": "--unit=cos-setup-boot\n",
    "kairos/journal/mine.txt": "--unit=mine\n",
    "kairos/var/log/kairos/agent.log": "of the agent",
    "kairos/var/log/other.log": "another",
    "kairos/run/immucore/immucore.log": "of the initrd",
    "kairos/srv/x-1.txt": "mine",
  });
  const names = Object.keys(texts).join();
  expect(names).not.toContain("other.txt");
  expect(names).not.toContain("y-1.txt");
  // The configuration has secrets.
  expect(names).not.toContain("yaml");
});

test("without a journal and with a configuration that contradicts itself the rest is there", async () => {
  const system = systemWith(
    {
      "/etc/kairos-release": RELEASE,
      "/oem/a.yaml": "#cloud-config\nlogs: 1\n",
      "/oem/b.yaml": "#cloud-config\nlogs: x\n",
      "/var/log/a.log": "a",
    },
    1,
  );
  const { texts, missing } = await collected(kairosParts(system));
  expect(texts["kairos/var/log/a.log"]).toBe("a");
  expect(missing).toEqual([
    "kairos-journal: Cannot read the journal with journalctl: it ended with status 1: no journal",
  ]);
});
