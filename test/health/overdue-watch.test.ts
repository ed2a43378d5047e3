import { expect, test } from "bun:test";
import { endOverdueWatch } from "../../src/health/overdue-watch.ts";
import { SILENT } from "../../src/lib/talk.ts";
import type { CommandResult } from "../../src/system/system.ts";
import { memoryFiles } from "../fakes/files.ts";
import { memorySystem } from "../fakes/machine.ts";

const ID = { "/proc/sys/kernel/random/boot_id": "id\n" };
const SYSTEMD = { "/run/systemd/system": "" };

interface World {
  readonly files: Readonly<Record<string, string>>;
  readonly systemctl?: CommandResult | Error;
  readonly isReadOnly?: boolean;
}

async function end({ files, systemctl, isReadOnly }: World): Promise<string[]> {
  const did: string[] = [];
  const system = {
    ...memorySystem(),
    files: memoryFiles(files),
    replaceFile(path: string, text: string) {
      if (isReadOnly === true) throw new Error("EROFS");
      did.push(`${path} = ${text.trim()}`);
    },
    run(command: readonly string[]) {
      did.push(command.join(" "));
      return systemctl === undefined || systemctl instanceof Error
        ? Promise.reject(systemctl ?? new Error("ENOENT"))
        : Promise.resolve(systemctl);
    },
  };
  const talk = { ...SILENT, debug: (text: string) => void did.push(text) };
  await endOverdueWatch({ system, talk });
  return did;
}

const MARKED = "/run/tandem/verdict = id";
const STOP = "systemctl stop tandem-overdue.timer";
const done = { status: 0, stdout: "", stderr: "" };
const unknown = { status: 5, stdout: "", stderr: "Unit tandem-overdue.timer not loaded.\n" };

test.each<[string, World, string[]]>([
  ["without systemd", { files: ID }, [MARKED]],
  ["with systemd", { files: { ...ID, ...SYSTEMD }, systemctl: done }, [MARKED, STOP]],
  [
    "without that timer",
    { files: { ...ID, ...SYSTEMD }, systemctl: unknown },
    [
      MARKED,
      STOP,
      "Cannot stop tandem-overdue.timer: Unit tandem-overdue.timer not loaded., continuing",
    ],
  ],
  [
    "without systemctl",
    { files: { ...ID, ...SYSTEMD } },
    [MARKED, STOP, "Cannot stop tandem-overdue.timer: ENOENT, continuing"],
  ],
  [
    "where nothing can be written",
    { files: { ...ID, ...SYSTEMD }, systemctl: done, isReadOnly: true },
    ["Cannot mark that this boot has its verdict: EROFS, continuing", STOP],
  ],
])("endOverdueWatch() %s", async (...[, world, want]) => {
  expect(await end(world)).toEqual(want);
});
