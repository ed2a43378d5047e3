import { expect, test } from "bun:test";

import { endpointOf } from "../../src/oci/endpoint.ts";
import { Secrets } from "../../src/oci/secrets.ts";
import { TokenService } from "../../src/oci/token.ts";
import { Transport } from "../../src/oci/transport.ts";
import { AUTHORITIES, internet } from "../fakes/internet.ts";

const REQUEST = { realm: "https://auth.io/t?keep=1", service: "s", scopes: ["a", "b"] };

function service(answer: object) {
  let nowMs = 0;
  const net = internet({ "auth.io": () => Response.json({ token: "t", ...answer }) });
  const endpoint = endpointOf({ host: "r.io" }, []);
  const transport = new Transport({
    endpoint,
    stallMs: 1000,
    minimumRate: 0,
    authorities: AUTHORITIES,
    secrets: new Secrets(),
    fetch: net.fetch,
    log() {},
  });
  const tokens = new TokenService({
    endpoint,
    transport,
    credentials: undefined,
    task: "get it",
    identity: "without credentials",
    nowMs: () => nowMs,
  });
  return { tokens, net, at: (seconds: number) => void (nowMs = seconds * 1000) };
}

test.each([
  [{}, 50],
  [{ expires_in: null }, 50],
  [{ expires_in: 5 }, 50],
  [{ expires_in: 0 }, 50],
  [{ expires_in: -1 }, 50],
  [{ expires_in: 300 }, 290],
  [{ expires_in: 300, issued_at: "2050-01-01T00:00:00Z" }, 290],
  [{ expires_in: 300, issued_at: "1970-01-01T00:00:00Z" }, 290],
  [{ issued_at: "0001-01-01T00:00:00Z" }, 50],
])("a token with %p is used for %p seconds", async (answer, seconds) => {
  const { tokens, net, at } = service(answer);
  await tokens.token(REQUEST);
  at(seconds - 1);
  await tokens.token(REQUEST);
  expect(net.sent).toHaveLength(1);
  at(seconds + 1);
  await tokens.token(REQUEST);
  expect(net.sent).toHaveLength(2);
});

test("sends every scope, and keeps the query of the realm", async () => {
  const { tokens, net } = service({});
  await tokens.token(REQUEST);
  expect(net.sent[0]?.url.search).toBe("?keep=1&service=s&scope=a&scope=b");
});

test("keeps one token for each set of scopes, and forgets a refused one", async () => {
  const { tokens, net } = service({});
  await tokens.token(REQUEST);
  await tokens.token({ ...REQUEST, scopes: ["b", "a"] });
  expect(net.sent).toHaveLength(1);
  await tokens.drop("another");
  await tokens.token(REQUEST);
  expect(net.sent).toHaveLength(1);
  await tokens.drop("t");
  await tokens.token(REQUEST);
  expect(net.sent).toHaveLength(2);
});

test("a failure is not kept", async () => {
  const { tokens, net } = service({ token: "" });
  await tokens.token(REQUEST).catch(() => "");
  await tokens.token(REQUEST).catch(() => "");
  expect(net.sent).toHaveLength(2);
});
