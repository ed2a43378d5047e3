import { expect, test } from "bun:test";
import { kernelConfig } from "../../src/kairos/kernel-config.ts";

test.each([
  ["root=LABEL=COS_ACTIVE net.ifnames=1 ro panic=5", {}],
  [
    "debug upgrade.system.source=oci:a/b:1",
    { debug: true, upgrade: { system: { source: "oci:a/b:1" } } },
  ],
  ["install.nousers=true", { install: { nousers: true } }],
  ["kairos.config=hostname=box", { hostname: "box" }],
  ['kairos.config="hostname=my box"', { hostname: "my box" }],
  ["kairos.config='hostname=my box'", { hostname: "my box" }],
  ["kairos.config=install.auto", { install: { auto: true } }],
  [
    "kairos.config=stages.boot.0.name=x kairos.config=stages.boot.0.if=y",
    { stages: { boot: [{ name: "x", if: "y" }] } },
  ],
  ["kairos.config=users.1=b", { users: [null, "b"] }],
  ["kairos.config=users.1001=b", { users: { "1001": "b" } }],
  ["kairos.config_url=http://h/?a=b", { config_url: "http://h/?a=b" }],
  ["cos.setup=http://h/x", { config_url: "http://h/x" }],
  ["cos.setup=debug=true", { debug: true }],
  ["kairos.config_url= kairos.config= cos.setup=", {}],
  // Words that name kairos win, wherever they stand.
  ["kairos.config=debug=false debug=true", { debug: false }],
  ["debug.toString=1", { debug: { toString: "1" } as never }],
])("kernelConfig(%j)", (cmdline, expected) => {
  expect(kernelConfig(cmdline)).toEqual(expected as never);
});
