import { expect, test } from "bun:test";
import { config } from "../../../src/cli/kairos-agent/config-verb.ts";
import { parseLine } from "../../../src/cli/kairos-agent/line.ts";
import { agentMachine, words } from "./machine.ts";

const FILES = {
  "/oem/90_custom.yaml":
    "#cloud-config\nk3s:\n  enabled: true\n  args: [--a, --b]\ninstall: {device: auto}\nnothing: null\nquoted: 'true'\n",
  "/oem/99_more.yaml": "#cloud-config\nk3s:\n  args: [--c]\n",
};
const run = (line: string, files: Record<string, string> = FILES) =>
  config(agentMachine({ files }), parseLine(words(line)));

test("config prints what all files say together, sorted, and which files these are", () => {
  expect(run("config")).toMatchObject({
    status: 0,
    stdout: `#cloud-config

# Sources:
# - /oem/90_custom.yaml
# - /oem/99_more.yaml

install:
    device: auto
k3s:
    args:
        - "--a"
        - "--b"
        - "--c"
    enabled: true
nothing: null
quoted: "true"
`,
  });
  expect(run("config", {})).toMatchObject({ stdout: "#cloud-config\n\n{}\n" });
});

test.each([
  ["k3s.enabled", "true\n"],
  ["k3s.args[1]", "--b\n"],
  ["install", "device: auto\n"],
  ["quoted", '"true"\n'],
  ["bogus.more", ""],
  ["nothing", ""],
])("config get %s prints %j", (key, stdout) => {
  expect(run(`config get ${key}`)).toMatchObject({ stdout, status: 0 });
  expect(run(`c g ${key}`)).toMatchObject({ stdout });
});

test("config get prints all without a key", () => {
  expect(run("config get")).toMatchObject({
    stdout: expect.stringContaining("install:\n    device"),
  });
});

test.each(["config get k3s|keys", "config get a-b", "config set a"])(
  "%s is for the original",
  (line) => {
    expect(run(line)).toBeUndefined();
  },
);

test("a configuration that names an address is for the original, which fetches it", () => {
  const files = { "/oem/a.yaml": "#cloud-config\nconfig_url: http://h/\n" };
  expect(run("config", files)).toBeUndefined();
});
