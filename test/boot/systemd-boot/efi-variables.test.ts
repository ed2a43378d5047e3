import { expect, test } from "bun:test";
import { checkEfiVariables } from "../../../src/boot/systemd-boot/efi-variables.ts";
import { examineMachine } from "../../../src/doctor/doctor.ts";
import { memoryFiles } from "../../fakes/files.ts";
import { machineWith, wholeDisk } from "../../fakes/whole-disk.ts";
import type { Machine } from "../../../src/machine/machine.ts";

const VENDOR = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
const image = await wholeDisk("v1", { loader: "systemd-boot" });

/** Variables in the form of efivarfs: four bytes of attributes, then UTF-16. */
function machineIn(
  variables: Readonly<Record<string, string>>,
  cmdline = "tandem.slot=a tandem.gen=1",
): Machine {
  const machine = machineWith(image.fork().file(), cmdline);
  const files = Object.entries(variables).map(([name, value]) => [
    `/sys/firmware/efi/efivars/${name}-${VENDOR}`,
    Buffer.concat([Uint8Array.of(7, 0, 0, 0), Buffer.from(`${value}\0`, "utf16le")]),
  ]);
  return {
    ...machine,
    system: { ...machine.system, files: memoryFiles(Object.fromEntries(files)) },
  };
}

test.each([
  ["no variables", {}, []],
  ["one that chooses tandem's entries", { LoaderEntryDefault: "tandem-*" }, []],
  ["one that is empty", { LoaderEntryDefault: "" }, []],
  ["others", { LoaderEntrySelected: "arch.conf" }, []],
  ["a default", { LoaderEntryDefault: "arch.conf" }, ["bootctl set-default ''"]],
  ["one of our slots", { LoaderEntryDefault: "tandem-a.conf" }, ["bootctl set-default ''"]],
  ["a saved one", { LoaderEntryDefault: "@saved" }, ["bootctl set-default ''"]],
  ["a preferred one that chooses tandem's entries", { LoaderEntryPreferred: "tandem-*" }, []],
  ["a preferred one", { LoaderEntryPreferred: "arch.conf" }, ["bootctl set-preferred ''"]],
  ["one for a failure", { LoaderEntrySysFail: "arch.conf" }, ["bootctl set-sysfail ''"]],
  [
    "all of them",
    {
      LoaderEntryDefault: "arch.conf",
      LoaderEntryPreferred: "arch.conf",
      LoaderEntrySysFail: "arch.conf",
      LoaderEntryOneShot: "memtest.conf",
    },
    [
      "bootctl set-oneshot ''",
      "bootctl set-sysfail ''",
      "bootctl set-preferred ''",
      "bootctl set-default ''",
    ],
  ],
] as const)("EFI variables: %s", (...row) => {
  const [, variables, commands] = row;
  const findings = checkEfiVariables(machineIn(variables));
  expect(findings.flatMap(({ advice }) => advice ?? [])).toEqual(
    commands.map((command) => `If that is not wanted, run ${command}`),
  );
  expect(findings.map(({ verdict }) => verdict)).toEqual(
    commands.length === 0 ? ["ok"] : commands.map(() => "warn"),
  );
});

test("the variables are not examined on a machine that does not run from the disk", () => {
  expect(checkEfiVariables(machineIn({ LoaderEntryDefault: "arch.conf" }, ""))).toEqual([]);
});

function fail(): never {
  throw new Error("EIO: i/o error");
}

test("a firmware that does not return its variables is no error", () => {
  const machine = machineIn({});
  const files = { ...machine.system.files, readBytes: fail };
  expect(checkEfiVariables({ ...machine, system: { ...machine.system, files } })).toMatchObject([
    { verdict: "ok" },
  ]);
});

test("doctor examines the variables, and whether this boot was counted", () => {
  const machine = machineIn({ LoaderEntryDefault: "arch.conf" });
  const uncounted = { ...machine, cmdline: { ...machine.cmdline, uncounted: true } };
  const findings = examineMachine(uncounted);
  const warnings = findings.filter(({ verdict }) => verdict === "warn");
  expect(warnings.map(({ subject }) => subject)).toEqual(
    expect.arrayContaining(["count of this boot", "EFI variables"]),
  );
});
