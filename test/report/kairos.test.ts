import { expect, test } from "bun:test";
import { kairosParts } from "../../src/report/kairos.ts";
import type { System } from "../../src/system/system.ts";
import { memoryFiles } from "../fakes/files.ts";
import { memorySystem } from "../fakes/machine.ts";
import { collected } from "./collected.ts";

const RELEASE = "KAIROS_VERSION=v1\n";
const NO_PARTITION = ["state", "recovery", "oem"].map((name) => `kairos-${name}`);

function systemWith(content: Readonly<Record<string, string>>, status = 0): System {
  const machine = memorySystem();
  return {
    ...machine,
    files: memoryFiles(content),
    run: (command) =>
      Promise.resolve(
        status === 0
          ? { status, stdout: `${command.at(-1)}\n`, stderr: "" }
          : { status, stdout: "", stderr: "no journal" },
      ),
  };
}

const namesOf = (missing: readonly string[]): string[] =>
  missing.map((line) => line.slice(0, line.indexOf(":")));

test("a machine without Kairos has no such parts", () => {
  expect(kairosParts(systemWith({}), undefined)).toEqual([]);
  expect(kairosParts(systemWith({}), "/none")).toEqual([]);
});

test("the report has the logs that kairos-agent collects, and the marks of this boot", async () => {
  const system = systemWith({
    "/etc/kairos-release": RELEASE,
    "/run/cos/upgrade_failure": "1",
    "/run/cos/state/cOS/active.img": "a mount",
    "/usr/local/.kairos-state": "last-active-source: oci:x\n",
    "/oem/a.yaml": "#cloud-config\nlogs: {journal: [mine], files: [/srv/*/x-?.txt, /srv/none]}\n",
    "/var/log/kairos/agent.log": "of the agent",
    "/var/log/other.log": "another",
    "/var/log/other.txt": "no log",
    "/run/immucore/immucore.log": "of the initrd, password=s3cret",
    "/srv/a/x-1.txt": "mine",
    "/srv/a/y-1.txt": "not asked for",
  });
  const { texts, missing } = await collected(kairosParts(system, undefined));
  expect(namesOf(missing)).toEqual(NO_PARTITION);
  expect(texts).toMatchObject({
    "kairos/etc/kairos-release": RELEASE,
    "kairos/run/cos/upgrade_failure": "1",
    "kairos/usr/local/.kairos-state": "last-active-source: oci:x\n",
    "kairos/journal/kairos-agent.txt": "--unit=kairos-agent\n",
    "kairos/journal/cos-setup-boot.txt": "--unit=cos-setup-boot\n",
    "kairos/journal/mine.txt": "--unit=mine\n",
    "kairos/var/log/kairos/agent.log": "of the agent",
    "kairos/var/log/other.log": "another",
    "kairos/run/immucore/immucore.log": "of the initrd, password=(removed)",
    "kairos/srv/a/x-1.txt": "mine",
    "kairos/config.txt": "read /oem/a.yaml\n",
  });
  const names = Object.keys(texts).join();
  for (const name of ["other.txt", "y-1.txt", "active.img"]) expect(names).not.toContain(name);
});

test("in a pod the files are those of the host", async () => {
  const system = {
    ...systemWith({
      "/host/etc/kairos-release": RELEASE,
      "/host/var/log/a.log": "of the host",
      "/var/log/b.log": "of the pod",
    }),
    environment: { KUBERNETES_SERVICE_HOST: "10.0.0.1" },
  };
  const { texts } = await collected(kairosParts(system, undefined));
  expect(texts["kairos/var/log/a.log"]).toBe("of the host");
  expect(Object.keys(texts).join()).not.toContain("b.log");
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
  const { texts, missing } = await collected(kairosParts(system, undefined));
  expect(texts["kairos/var/log/a.log"]).toBe("a");
  expect(namesOf(missing)).toEqual([...NO_PARTITION, "kairos-journal"]);
  expect(missing.at(-1)).toBe(
    "kairos-journal: Cannot read the journal with journalctl: it ended with status 1: no journal",
  );
});
