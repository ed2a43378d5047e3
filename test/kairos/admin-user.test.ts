import { expect, test } from "bun:test";
import { adminProblem } from "../../src/kairos/admin-user.ts";
import { memoryFiles } from "../fakes/files.ts";

const machine = (path?: string, environment = {}) => ({
  files: memoryFiles(path === undefined ? {} : { [path]: "" }),
  environment,
});

test.each([
  [
    "a user in a stage",
    { stages: { boot: [{ name: "x" }, { users: { k: { groups: ["admin"] } } }] } },
  ],
  ["a primary group", { stages: { boot: [{ users: { k: { primary_group: "admin" } } }] } }],
  ["a user at the top", { users: [{ name: "k", groups: ["users", "admin"] }] }],
  ["groups in one text", { users: [{ name: "k", groups: "users, admin" }] }],
  ["no users wanted", { install: { nousers: true } }],
  ["no users wanted, on the kernel command line", { install: { nousers: "true" } }],
])("adminProblem() with %s is none", (_, values) => {
  expect(adminProblem(machine(), values as never)).toBeUndefined();
});

test.each([
  ["no user", {}],
  [
    "a user in another group",
    { stages: { boot: [{ users: { k: { groups: ["administrators"] } } }] } },
  ],
  ["users that are none", { stages: { boot: [{ users: ["admin"] }], fs: null }, users: "admin" }],
  ["nousers off", { install: { nousers: false } }],
])("adminProblem() with %s names the group", (_, values) => {
  expect(adminProblem(machine(), values as never)).toStartWith(
    "No users found in any stage that are part of the 'admin' group.\n",
  );
});

test("a file says that there are to be no users, in a pod that of the machine", () => {
  expect(adminProblem(machine("/etc/kairos/.nousers"), {})).toBeUndefined();
  const pod = { KUBERNETES_SERVICE_HOST: "10.0.0.1" };
  expect(adminProblem(machine("/host/etc/kairos/.nousers", pod), {})).toBeUndefined();
  expect(adminProblem(machine("/host/etc/kairos/.nousers"), {})).toBeDefined();
});
