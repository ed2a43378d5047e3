import { expect, test } from "bun:test";
import { installedHook } from "../../src/hooks/installed.ts";

test.each(["/etc/systemd/system/tandem-health.service", "/etc/init.d/tandem-health"])(
  "%s gives verdicts",
  (path) => {
    expect(installedHook({ environment: {}, files: { exists: (one) => one === path } })).toBe(path);
  },
);

test("without a hook nothing gives verdicts", () => {
  expect(installedHook({ environment: {}, files: { exists: () => false } })).toBeUndefined();
});

test("in a pod the hooks of the host count", () => {
  const environment = { KUBERNETES_SERVICE_HOST: "10.0.0.1" };
  const files = { exists: (path: string) => path === "/host/oem/95_tandem.yaml" };
  expect(installedHook({ environment, files })).toBe("/oem/95_tandem.yaml");
});
