import { expect, test } from "bun:test";
import { linuxProbe } from "../../src/system/probe.ts";

test("freeBytes() is positive for a file system with free space", () => {
  expect(linuxProbe.freeBytes("/")).toBeGreaterThan(0);
  expect(() => linuxProbe.freeBytes("/no/such/place")).toThrow("ENOENT");
});

test("httpStatus() follows redirects", async () => {
  using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ url }) =>
      url.endsWith("/old")
        ? Response.redirect("/new")
        : new Response("text", { status: url.endsWith("/new") ? 204 : 503 }),
  });
  expect(await linuxProbe.httpStatus(`${server.url.href}old`, 5)).toBe(204);
  expect(await linuxProbe.httpStatus(`${server.url.href}ill`, 5)).toBe(503);
});

test("httpStatus() rejects at its deadline", async () => {
  using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Promise(() => {}) });
  await expect(linuxProbe.httpStatus(server.url.href, 0.05)).rejects.toThrow("timed out");
});

test.each(["127.0.0.1", "[::1]"])(
  "connect() to %s resolves for an open port and rejects for a closed one",
  async (host) => {
    const listener = Bun.listen({
      hostname: host.replaceAll(/[[\]]/g, ""),
      port: 0,
      socket: { data() {} },
    });
    const address = `${host}:${listener.port}`;
    await linuxProbe.connect(address, 5);
    listener.stop(true);
    await expect(linuxProbe.connect(address, 5)).rejects.toThrow("ECONNREFUSED");
  },
);

test("pause() resolves after its time", async () => {
  await expect(linuxProbe.pause(0.001)).resolves.toBeUndefined();
});
