import { afterAll, afterEach, expect, spyOn, test } from "bun:test";
import { openTalk } from "../../src/cli/talk.ts";
import type { Globals } from "../../src/cli/globals.ts";
import type { Talk } from "../../src/lib/talk.ts";
import { until } from "../fakes/until.ts";
import { ALONE } from "../peers/alone.ts";

const GLOBALS: Globals = {
  disk: undefined,
  config: undefined,
  json: false,
  debug: false,
  quiet: false,
};

const stdout = spyOn(process.stdout, "write");
const stderr = spyOn(process.stderr, "write").mockImplementation(() => true);
const wasTTY = process.stderr.isTTY;
afterEach(() => {
  stderr.mockClear();
  stdout.mockClear();
  setTTY(wasTTY);
});

afterAll(() => {
  stderr.mockRestore();
  stdout.mockRestore();
});

function setTTY(isTTY: boolean): void {
  Object.defineProperty(process.stderr, "isTTY", { value: isTTY, configurable: true });
}

const said = (): string => stderr.mock.calls.map(([text]) => String(text)).join("");

function sayAll(talk: Talk & { end(): void }): void {
  talk.info("one");
  talk.warn("two, continuing");
  talk.debug("three");
  talk.progress({ step: "Four", doneBytes: 1, totalBytes: 2 });
  talk.progress({ step: "Four", doneBytes: 2, totalBytes: 2 });
  talk.end();
}

test.each([
  [{}, ["one", "two, continuing", "Four: 100 %"], ["three"]],
  [{ debug: true }, ["one", "two, continuing", "three", "Four: 100 %"], []],
  [{ quiet: true }, [], ["one", "two", "three", "Four"]],
  [{ quiet: true, json: true }, [], ["one", "two", "three", "Four"]],
])("openTalk(%p) says %p on stderr", (globals, wanted, unwanted) => {
  setTTY(false);
  sayAll(openTalk({ ...GLOBALS, ...globals }));
  for (const text of wanted) expect(said()).toContain(text);
  for (const text of unwanted) expect(said()).not.toContain(text);
  expect(said()).not.toContain("Four: 50 %");
  expect(stdout.mock.calls).toEqual([]);
});

test.each([
  [false, ["info", "warn"]],
  [true, ["info", "warn", "debug"]],
])("openTalk() with --json says one object a line (debug: %p)", (debug, levels) => {
  sayAll(openTalk({ ...GLOBALS, json: true, debug }));
  const lines = said().trimEnd().split("\n");
  const objects = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(objects.flatMap(({ level }) => level ?? [])).toEqual(levels);
  expect(objects.at(-1)).toMatchObject({
    step: "Four",
    doneBytes: 2,
    totalBytes: 2,
    secondsLeft: 0,
  });
});

test("openTalk() on a terminal overwrites one line, and clears it before a message", () => {
  setTTY(true);
  const talk = openTalk(GLOBALS, () => true);
  talk.progress({ step: "Four", doneBytes: 2, totalBytes: 2 });
  expect(said()).toStartWith("\r\u001B[KFour: 100 %");
  expect(said()).not.toContain("\n");
  stderr.mockClear();
  talk.info("one");
  expect(said()).toStartWith("\r\u001B[K");
  stderr.mockClear();
  talk.end();
  expect(said()).toBe("");
});

test("openTalk() overwrites nothing on a terminal that other programs share", () => {
  setTTY(true);
  const talk = openTalk(GLOBALS, () => false);
  sayAll(talk);
  expect(said()).toContain("Four: 100 %");
  expect(said()).not.toContain("\r");
  expect(said()).toEndWith("\n");
});

const TALK = new URL("../../src/cli/talk.ts", import.meta.url).pathname;

test.each([["DEBUG=1"], ["CI=1"], ["TEST=1"], ["CONSOLA_LEVEL=5"], ["NO_COLOR=1"]])(
  "%s changes neither the messages nor their stream",
  async (variable) => {
    const [name = "", value = ""] = variable.split("=");
    const script = `import { openTalk } from "${TALK}";
      const talk = openTalk({ json: false, debug: false, quiet: false });
      talk.info("one"); talk.warn("two, continuing"); talk.debug("three"); talk.end();`;
    const child = Bun.spawn([process.execPath, "-e", script], {
      env: { ...ALONE, [name]: value },
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, error] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    expect({ out, error }).toEqual({ out: "", error: "one\nwarning: two, continuing\n" });
  },
);

/** Shows progress, waits until the window has another size, and shows it again. The last step is wider than any terminal. */
const PAINTER = `
  import { openTalk } from "${TALK}";
  const talk = openTalk({ json: false, debug: false, quiet: false });
  const paint = () => {
    talk.progress({ step: "Fetching and unpacking", doneBytes: 0, totalBytes: 2 ** 30 });
    talk.progress({ step: "取得して展開しています 🚀", doneBytes: 2 ** 30, totalBytes: 2 ** 30 });
    talk.progress({ step: "Waiting for " + "長い名前".repeat(40) });
  };
  paint();
  process.stderr.once("resize", () => { paint(); talk.info("END"); talk.end(); process.exit(); });
  talk.info("READY");
  process.stdin.resume();`;

test.each([
  [20, 200],
  [21, 20],
  [80, 33],
  [200, 20],
])("no line wraps on a terminal of %i columns that has %i later", async (...[columns, later]) => {
  let text = "";
  let isResized = false;
  const child = Bun.spawn([process.execPath, "-e", PAINTER], {
    env: ALONE,
    terminal: {
      cols: columns,
      rows: 10,
      data(terminal, bytes) {
        text += Buffer.from(bytes).toString();
        if (isResized || !text.includes("READY")) return;
        isResized = true;
        terminal.resize(later, 10);
      },
    },
  });
  expect(await child.exited).toBe(0);
  await until(() => text.includes("END"));
  const [first = "", second = ""] = text.split("READY");
  for (const [part, width] of [
    [first, columns],
    [second, later],
  ] as const) {
    const pieces = part.split("\r\u001B[K").slice(1);
    const paints = pieces.map((piece) => piece.split(/[\r\n]/)[0] ?? "").filter(Boolean);
    const widths = paints.map((painted) => Bun.stringWidth(painted));
    expect(widths).toHaveLength(part === first ? 3 : 4);
    expect(Math.max(...widths)).toBeLessThan(width);
    // 80 columns have room for the whole text.
    if (width >= 80) expect(paints[1]).toContain("100 % (1.0 GiB of 1.0 GiB");
    if (width >= 20) expect(paints[0]).toContain("0 %");
  }
  child.terminal?.close();
});
