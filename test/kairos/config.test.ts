import { expect, test } from "bun:test";
import { type ConfigSystem, readKairosConfig } from "../../src/kairos/config.ts";
import { hostFolder } from "../../src/slot/kairos/host-folder.ts";
import { memoryFiles } from "../fakes/files.ts";

const systemWith = (
  files: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>> = {},
  links: Readonly<Record<string, string>> = {},
): ConfigSystem => ({
  files: memoryFiles(files),
  readLink: (path) => links[path],
  environment,
});
const yaml = (text: string): string => `#cloud-config\n${text}\n`;

test("later folders win, and in a folder later names", () => {
  const config = readKairosConfig(
    systemWith({
      "/oem/b.yaml": yaml("a: oem-b"),
      "/oem/a.yml": yaml("a: oem-a\nonly: 1"),
      "/oem/sub/c.yaml": yaml("in: sub"),
      "/usr/local/cloud-config/x.yaml": yaml("a: local\nb: local"),
      "/etc/kairos/x.yaml": yaml("b: etc\nc: etc"),
      "/run/initramfs/live/x.yaml": yaml("c: live\nd: live"),
      "/proc/cmdline": "root=x",
    }),
  );
  expect(config).toEqual({
    values: { a: "oem-b", only: 1, in: "sub", b: "local", c: "etc", d: "live" },
    sources: [
      "/run/initramfs/live/x.yaml",
      "/etc/kairos/x.yaml",
      "/usr/local/cloud-config/x.yaml",
      "/oem/a.yml",
      "/oem/b.yaml",
      "/oem/sub/c.yaml",
    ],
    warnings: [],
  });
});

test("the kernel command line wins over files, and what is given over both", () => {
  const system = systemWith({
    "/oem/a.yaml": yaml("upgrade:\n  system:\n    source: oci:file\n    size: 1"),
    "/proc/cmdline": "upgrade.system.source=oci:kernel upgrade.reboot=true",
  });
  expect(readKairosConfig(system)).toMatchObject({
    values: { upgrade: { system: { source: "oci:kernel", size: 1 }, reboot: true } },
    sources: ["/oem/a.yaml", "cmdline"],
  });
  const given = { upgrade: { system: { source: "oci:given" } } };
  expect(readKairosConfig(system, given).values).toMatchObject({
    upgrade: { system: { source: "oci:given", size: 1 }, reboot: true },
  });
});

test.each([
  ["/oem/a.yaml", "a: 1", "warning: skipping /oem/a.yaml because it has no valid header"],
  ["/oem/grubenv", "x=1", "warning: skipping /oem/grubenv (extension)."],
  [
    "/oem/a.yaml",
    `#cloud-config\n#${"x".repeat(2 * 1024 * 1024)}`,
    "warning: skipping /oem/a.yaml. too big (>1MB)",
  ],
  ["/oem/a.yaml", yaml("a: [1"), "warning: failed to parse config:\n/oem/a.yaml: "],
  [
    "/oem/a.yaml",
    yaml("- 1"),
    "warning: failed to parse config:\n/oem/a.yaml: it is a list, want keys with values",
  ],
])("%s is left out with a warning", (path, text, warning) => {
  const { values, warnings } = readKairosConfig(systemWith({ [path]: text }));
  expect(values).toEqual({});
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toStartWith(warning);
});

test.each([
  ["#cloud-config \na: 1", 1],
  ["## template: jinja\n#cloud-config\na: 1", 1],
  ["#kairos-config\na: 1", 1],
  ["#node-config\na: 1", 1],
  [`${"#\n".repeat(9)}#cloud-config\na: 1`, 1],
  [`${"#\n".repeat(10)}#cloud-config\na: 1`, undefined],
  [" #cloud-config\na: 1", undefined],
])("the header of %j", (text, value) => {
  expect(readKairosConfig(systemWith({ "/oem/a.yaml": text })).values["a"]).toEqual(value as never);
});

test("a link to a folder is not followed", () => {
  const system = systemWith({ "/oem/link/a.yaml": yaml("a: 1") }, {}, { "/oem/link": "/" });
  expect(readKairosConfig(system)).toMatchObject({
    values: {},
    warnings: ["warning: skipping /oem/link (extension)."],
  });
});

test.each([
  [{}, ""],
  [{ HOST_DIR: "/h" }, ""],
  [{ KUBERNETES_SERVICE_HOST: "10.0.0.1" }, "/host"],
  [{ KUBERNETES_SERVICE_HOST: "", HOST_DIR: "/h/" }, "/h"],
])("hostFolder(%j)", (environment, folder) => {
  expect(hostFolder({ environment })).toBe(folder);
});

test("in a pod the files of the machine are read, and not those of the pod", () => {
  const files = { "/oem/a.yaml": yaml("a: pod"), "/host/oem/a.yaml": yaml("a: host") };
  const config = readKairosConfig(systemWith(files, { KUBERNETES_SERVICE_HOST: "10.0.0.1" }));
  expect(config).toMatchObject({ values: { a: "host" }, sources: ["/host/oem/a.yaml"] });
});
