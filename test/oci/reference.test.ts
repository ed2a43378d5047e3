import { expect, test } from "bun:test";
import fc from "fast-check";

import { parseReference, printReference } from "../../src/oci/reference.ts";

const HEX = "0123456789abcdef".repeat(4);

test.each([
  ["ubuntu", "docker.io/library/ubuntu:latest"],
  ["docker.io/foo", "docker.io/library/foo:latest"],
  ["index.docker.io/a/b", "docker.io/a/b:latest"],
  ["localhost/x", "localhost/x:latest"],
  ["LOCALDOMAIN/debian", "LOCALDOMAIN/debian:latest"],
  ["Docker/docker", "Docker/docker:latest"],
  ["test.com:5000", "docker.io/library/test.com:5000"],
  ["192.168.0.1:80", "docker.io/library/192.168.0.1:80"],
  ["foo/foo_bar.com:8080", "docker.io/foo/foo_bar.com:8080"],
  ["[fc00::1]:5000/docker/docker", "[fc00::1]:5000/docker/docker:latest"],
  [`127.0.0.1:5000/a:t@sha256:${HEX}`, `127.0.0.1:5000/a:t@sha256:${HEX}`],
  [`r.io/a@sha512:${HEX}${HEX}`, `r.io/a@sha512:${HEX}${HEX}`],
  [`r.io/a:${"t".repeat(128)}`, `r.io/a:${"t".repeat(128)}`],
  [`r.io/${"n".repeat(250)}`, `r.io/${"n".repeat(250)}:latest`],
  ["r.io/a__b/c--d/e.f", "r.io/a__b/c--d/e.f:latest"],
])("reads %p", (text, want) => {
  expect(printReference(parseReference(text))).toBe(want);
});

test("splits a reference into its parts", () => {
  expect(parseReference(`r.io:5000/ns/app:1.0@sha256:${HEX}`)).toEqual({
    host: "r.io:5000",
    repository: "ns/app",
    tag: "1.0",
    digest: `sha256:${HEX}` as never,
  });
});

test.each([
  ["https://x/y", "is no host name"],
  ["docker/Docker", "want a repository of lower-case"],
  ["-docker", "want a repository"],
  ["docker///x", "want a repository"],
  ["a//b", "want a repository"],
  ["dock..er", "want a repository"],
  ["_docker/_docker", "want a repository"],
  ["docker-/docker", "want a repository"],
  ["[fc00::1]", "want a"],
  ["[fc00::1]:5000", "want a repository"],
  ["[fe80::1%eth0]:5000/d", "is no host name"],
  ["[2001:db8:3:4::192.0.2.33]:5000/d", "is no host name"],
  ["[:::::]/d", "is none"],
  ["r.io:99999/d", "is none"],
  [HEX, "64 hex digits are no name"],
  ["a:", "want a tag"],
  [`a:${"t".repeat(129)}`, "want a tag"],
  ["a@sha256:short", `lower-case hex digits after "@"`],
  [`a@sha256:${HEX.toUpperCase()}`, "lower-case hex"],
  [`a@md5:${HEX}`, "want sha256"],
  ["a@", "want sha256"],
  [`r.io/${"n".repeat(251)}`, "more than 255 characters"],
  ["", "want a repository"],
])("refuses %p", (text, why) => {
  expect(() => parseReference(text)).toThrow(why);
  expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: "source" }));
});

test("a printed reference parses to the same reference", () => {
  const part = fc.stringMatching(/^[a-z0-9]{1,5}(?:(?:[._]|__|-{1,3})[a-z0-9]{1,5}){0,2}$/);
  const reference = fc.record({
    host: fc.constantFrom("docker.io", "localhost:5000", "r.example.com", "[::1]:80"),
    path: fc.array(part, { minLength: 1, maxLength: 4 }),
    end: fc.constantFrom("", ":v1.0_x", `@sha256:${HEX}`, `:latest@sha256:${HEX}`),
  });
  fc.assert(
    fc.property(reference, ({ host, path, end }) => {
      const once = parseReference(`${host}/${path.join("/")}${end}`);
      expect(parseReference(printReference(once))).toEqual(once);
    }),
  );
});
