import { expect, test } from "bun:test";
import { waitForOthers } from "../../src/cli/while-locked.ts";
import { loadConfig } from "../../src/cli/config.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { watchedSystem } from "../fakes/watchdog.ts";

test("waitForOthers() reports the wait once, feeds the watchdog, and stops on request", () => {
  const system = watchedSystem({ device: "free", about: { state: "active" } });
  const said: string[] = [];
  const talk = { ...SILENT, info: (text: string) => void said.push(text), end() {} };
  const stop = new AbortController();
  const globals = { json: false, debug: false, quiet: false } as never;
  const { config, origins } = loadConfig(system, globals);
  const context = { system, globals, config, origins, talk, signal: stop.signal };
  const wait = waitForOthers(context);
  wait();
  wait();
  expect(said).toEqual(["Waiting for another run of tandem, which is at work on the disk, to end"]);
  expect(system.done).toEqual(["open /dev/watchdog0", "leave", "open /dev/watchdog0", "leave"]);
  stop.abort();
  expect(wait).toThrow(expect.objectContaining({ code: "interrupted" }));
});
