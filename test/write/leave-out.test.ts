import { expect, test } from "bun:test";
import { find } from "../../src/boot/image/find.ts";
import { leaveOut } from "../../src/write/leave-out.ts";
import { image } from "../boot/tree.ts";

const FILES = {
  "etc/hosts": "x",
  "etc/größe": "x",
  "var/log/one": "x",
  "var/log/two": "x",
  l: "→ etc",
};

test.each([
  ["etc/hosts", ["/etc/hosts"]],
  ["/etc/größe", ["/etc/größe"]],
  ["/var/log/", ["/var/log", "/var/log/one"]],
  ["./l", ["/l"]],
])("leaveOut(%s) removes it from the tree", (text, gone) => {
  const { root } = image(FILES);
  expect(leaveOut(root, [text])).toEqual([]);
  for (const path of gone) expect(find(root, path)).toBeUndefined();
  expect(find(root, "/var")?.node.kind).toBe("directory");
});

test("leaveOut() returns what is not there, and follows no symlinks", () => {
  const { root } = image(FILES);
  const texts = ["/none", "/l/hosts", "/etc/hosts/x", "/var/log/two"];
  expect(leaveOut(root, texts)).toEqual(["/none", "/l/hosts", "/etc/hosts/x"]);
  expect(find(root, "/etc/hosts")?.node.kind).toBe("file");
});

test("leaveOut() refuses a text that names no path below the root", () => {
  expect(() => leaveOut(image({}).root, ["/"])).toThrow("it is no path below the folder");
});
