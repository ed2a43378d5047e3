import { expect, test } from "bun:test";
import { isInForeground } from "../../src/system/terminal.ts";

/** pid, name, state, parent, process group, session, terminal, foreground group, … */
test.each([
  ["in the foreground", "7 (tandem) R 1 7 7 34816 7 4194304 1 0", true],
  ["whose name looks like fields", "7 (a) b) S 1 9 9 0 -1 (c) R 1 7 7 34816 7 0", true],
  ["in the background", "7 (tandem) R 1 7 5 34816 5 4194304 1 0", false],
  ["without a controlling terminal", "7 (tandem) R 1 7 7 0 -1 4194304 1 0", false],
  ["in no group and without a terminal", "7 (tandem) R 1 0 0 0 0 4194304 1 0", false],
  ["without /proc", "", false],
])("isInForeground() of a process %s", (_, stat, wanted) => {
  expect(isInForeground(stat)).toBe(wanted);
});

const TERMINAL = new URL("../../src/system/terminal.ts", import.meta.url).pathname;
const TELLS = `import { isInForeground } from "${TERMINAL}"; console.log("says " + isInForeground());`;

test("isInForeground() on a terminal of its own, and without one", async () => {
  let text = "";
  const run = [process.execPath, "-e", TELLS];
  const child = Bun.spawn(run, {
    terminal: { data: (_, bytes) => void (text += Buffer.from(bytes).toString()) },
  });
  await child.exited;
  expect(text).toContain("says true");
  const alone = Bun.spawnSync(["setsid", ...run], { stdin: "ignore" });
  expect(alone.stdout.toString()).toContain("says false");
});
