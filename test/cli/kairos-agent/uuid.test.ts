import { expect, test } from "bun:test";
import { uuid } from "../../../src/cli/kairos-agent/uuid.ts";
import { parseLine } from "../../../src/cli/kairos-agent/line.ts";
import { agentMachine } from "./machine.ts";

const HOST = { "/proc/sys/kernel/hostname": "box\n" };

test.each([
  [{ "/etc/machine-id": "abc\n" }, {}, "abc-box"],
  [{ "/etc/machine-id": "abc\n", "/var/lib/dbus/machine-id": "def\n" }, {}, "def-box"],
  [{}, {}, "-box"],
  [{ "/etc/machine-id": "abc\n" }, { UUID: "given" }, "given"],
  [{ "/etc/machine-id": "abc\n" }, { UUID: "" }, "abc-box"],
])("with %j and %j uuid prints %s", (files, environment, stdout) => {
  const machine = agentMachine({ files: { ...HOST, ...files }, environment });
  expect(uuid(machine, parseLine(["uuid"]))).toMatchObject({ stdout, status: 0 });
});
