import { expect, test } from "bun:test";
import { noteUpgrade } from "../../src/kairos/lifecycle.ts";
import { memoryFiles } from "../fakes/files.ts";

const PATH = "/usr/local/.kairos-state";

function machine(text?: string) {
  const written: Record<string, string> = {};
  return {
    written,
    files: memoryFiles(text === undefined ? {} : { [PATH]: text }),
    now: () => new Date("2026-11-28T03:54:48.123Z"),
    replaceFile(path: string, content: string | Uint8Array, mode: number) {
      expect(mode).toBe(0o644);
      written[path] = String(content);
    },
  };
}
const UPGRADE = { what: "active", source: "oci://r.io/a/b:2" } as const;
const NEW = `first-install: never
first-install-source: ""
last-active-upgrade: 2026-11-28T03:54:48Z
last-active-source: oci://r.io/a/b:2
last-recovery-upgrade: never
last-recovery-source: ""
last-reset: never
last-reset-source: ""
`;

test("noteUpgrade() makes the file", () => {
  const system = machine();
  expect(noteUpgrade(system, "/usr/local", UPGRADE)).toBeUndefined();
  expect(system.written).toEqual({ [PATH]: NEW });
});

test("noteUpgrade() keeps what it does not change, and keys that it does not know", () => {
  const before = NEW.replace("first-install: never", "first-install: 2026-01-01T00:00:00Z");
  const system = machine(`${before}later: {a: [1]}\n`);
  noteUpgrade(system, "/usr/local", { what: "recovery", source: "dir:///" });
  expect(Bun.YAML.parse(system.written[PATH] ?? "")).toMatchObject({
    "first-install": "2026-01-01T00:00:00Z",
    "last-active-source": "oci://r.io/a/b:2",
    "last-recovery-upgrade": "2026-11-28T03:54:48Z",
    "last-recovery-source": "dir:///",
    later: { a: [1] },
  });
});

test.each(["a: [", "- 1"])("noteUpgrade() keeps a file that is %j beside the new one", (text) => {
  const system = machine(text);
  expect(noteUpgrade(system, "/usr/local", UPGRADE)).toContain(`it is kept as ${PATH}.bak`);
  expect(system.written).toEqual({ [`${PATH}.bak`]: text, [PATH]: NEW });
});
