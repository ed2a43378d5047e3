import { expect, test } from "bun:test";
import { Secrets } from "../../src/oci/secrets.ts";
import {
  kairosConfigPart,
  learnKairosSecrets,
  withoutSecrets,
} from "../../src/report/kairos-config.ts";
import { memoryFiles } from "../fakes/files.ts";
import { memorySystem } from "../fakes/machine.ts";
import { collected } from "./collected.ts";

const OEM = `#cloud-config
users:
  - name: kairos
    passwd: short
    groups: [admin]
p2p:
  network_token: |
    s3cret-of-several
    lines-in-a-row
k3s:
  env: { K3S_TOKEN: s3cret-of-k3s }
  args: [--token, s3cret-argument, --disable=traefik]
stages:
  boot:
    - commands: ["k3s server --token s3cret --flannel-iface eth0"]
      files:
        - { path: /etc/a, encoding: b64, content: czNjcmV0 }
        - { path: /etc/b, content: "PrivateKey = s3cret" }
`;
const SYSTEM = {
  ...memorySystem(),
  files: memoryFiles({
    "/oem/90_custom.yaml": OEM,
    "/oem/grubenv": "# GRUB Environment Block\n",
    "/oem/broken.yaml": "#cloud-config\npassword: s3cret: [\n",
  }),
};

test("each file is there without its secrets", async () => {
  const { texts, missing } = await collected([kairosConfigPart(SYSTEM)]);
  expect(missing).toEqual([]);
  expect(Object.keys(texts)).toEqual([
    "kairos/config.txt",
    "kairos/config/oem/90_custom.yaml.json",
  ]);
  expect(JSON.parse(texts["kairos/config/oem/90_custom.yaml.json"] ?? "")).toEqual({
    users: [{ name: "kairos", passwd: "(removed)", groups: ["admin"] }],
    p2p: { network_token: "(removed)" },
    k3s: {
      env: { K3S_TOKEN: "(removed)" },
      args: ["--token", "(removed)", "--disable=traefik"],
    },
    stages: {
      boot: [
        {
          commands: ["k3s server --token (removed) --flannel-iface eth0"],
          files: [
            { path: "/etc/a", encoding: "b64", content: "(removed)" },
            { path: "/etc/b", content: "PrivateKey = (removed)" },
          ],
        },
      ],
    },
  });
  expect(texts["kairos/config.txt"]).toContain("read /oem/90_custom.yaml\n");
  expect(texts["kairos/config.txt"]).toContain("broken.yaml");
  expect(JSON.stringify(texts)).not.toMatch(/s3cret|lines-in-a-row|czNj/);
});

test("what the secrets are is removed from other texts", () => {
  const secrets = new Secrets();
  learnKairosSecrets(SYSTEM, secrets);
  for (const text of ["s3cret-of-several", "lines-in-a-row", "s3cret-of-k3s", "s3cret-argument"])
    expect({ text, isKnown: secrets.areIn(`it says ${text} here`) }).toEqual({
      text,
      isKnown: true,
    });
  expect(secrets.areIn("kairos is short of traefik in the group admin")).toBe(false);
});

test("a configuration that cannot be listed teaches nothing", () => {
  const files = {
    ...memoryFiles({}),
    list: () => {
      throw Object.assign(new Error("EACCES"), { code: "EACCES", syscall: "scandir" });
    },
  };
  learnKairosSecrets({ ...memorySystem(), files }, new Secrets());
});

test("withoutSecrets() keeps what is plain", () => {
  const tree = { a: [1, true, null, "text"], b: { content: "plain", encoding: "" } };
  expect(withoutSecrets(tree)).toEqual(tree);
});
