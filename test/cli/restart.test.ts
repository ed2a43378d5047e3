import { expect, test } from "bun:test";
import { restartMachine } from "../../src/cli/restart.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { memorySystem } from "../fakes/machine.ts";

test.each([true, false])(
  "restart() announces the reboot and passes its options on (%p)",
  async (force) => {
    const said: string[] = [];
    const talk = {
      ...SILENT,
      info: (text: string) => void said.push(text),
      warn: (text: string) => void said.push(`warning: ${text}`),
      end() {},
    };
    const system = memorySystem();
    const { signal } = new AbortController();
    await restartMachine({ system, talk, signal }, { force, wait: true });
    expect(system.reboots).toMatchObject([{ force, wait: true, signal }]);
    system.reboots[0]?.report("systemd refuses");
    expect(said).toEqual(["Restarting this machine", "warning: systemd refuses"]);
  },
);
