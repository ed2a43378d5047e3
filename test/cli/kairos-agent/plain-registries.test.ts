import { expect, test } from "bun:test";
import { plainRegistries } from "../../../src/cli/kairos-agent/plain-registries.ts";

test.each([
  ["quay.io/kairos/x", []],
  ["10.0.0.1:5000/x", ["10.0.0.1:5000"]],
  ["192.168.1.2/x:1", ["192.168.1.2"]],
  ["localhost:5000/x", ["localhost:5000"]],
  ["registry.local:5000/x", ["registry.local:5000"]],
  ["8.8.8.8:5000/x", []],
  ["ubuntu", []],
])("plainRegistries(%j) is %j", (reference, hosts) => {
  expect(plainRegistries(reference)).toEqual(hosts);
});
