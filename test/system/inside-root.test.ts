import { expect, test } from "bun:test";
import { insideRoot, nameInsideRoot } from "../../src/system/inside-root.ts";

/** The symlinks of an image at /image. */
const LINKS: Readonly<Record<string, string>> = {
  "/image/lib": "usr/lib",
  "/image/usr/lib/systemd": "/opt/systemd",
  "/image/etc/init.d": "../../../../srv/init.d",
  "/image/opt/systemd/unit": "/etc/unit",
  "/image/a": "b",
  "/image/b": "/a",
  // Outside of the image: insideRoot() must not follow it.
  "/opt/systemd": "/outside",
};
const links = { readLink: (path: string) => LINKS[path] };

test.each([
  ["/usr/lib/tandem/at-boot", "/image/usr/lib/tandem/at-boot"],
  ["/", "/image"],
  ["/lib/tandem", "/image/usr/lib/tandem"],
  ["/usr/lib/systemd/system/x", "/image/opt/systemd/system/x"],
  ["/lib/systemd/x", "/image/opt/systemd/x"],
  ["/etc/init.d/x", "/image/srv/init.d/x"],
  ["/../../x", "/image/x"],
  ["/none/../x", "/image/x"],
  ["//usr/./lib//x", "/image/usr/lib/x"],
  ["/usr/lib/systemd/unit", "/image/etc/unit"],
])("insideRoot() of %s is %s", (path, place) => {
  expect(insideRoot(links, "/image", path)).toBe(place);
});

test("nameInsideRoot() follows all links except the last name", () => {
  expect(nameInsideRoot(links, "/image", "/lib/systemd/unit")).toBe("/image/opt/systemd/unit");
});

test("insideRoot() of / is the path itself", () => {
  expect(insideRoot({ readLink: () => undefined }, "/", "/etc/x")).toBe("/etc/x");
});

test("insideRoot() throws for links in a circle", () => {
  expect(() => insideRoot(links, "/image", "/a/x")).toThrow("too many symbolic links");
});
