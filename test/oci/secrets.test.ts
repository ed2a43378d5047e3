import { expect, test } from "bun:test";

import { Secrets } from "../../src/oci/secrets.ts";

const PASSWORD = "pä55-w0rd?&x";
const TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJlLW9mLWl0";
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const PAIR = base64(`robot$project+puller:${PASSWORD}`);

function knowing(): Secrets {
  const secrets = new Secrets();
  secrets.learnHeader(`Basic ${PAIR}`);
  secrets.learnHeader(`Bearer ${TOKEN}`);
  secrets.learnForm(new URLSearchParams({ refresh_token: "r3fre", client_id: "tandem" }));
  secrets.learnUrl(new URL("https://store.io/x?X-Signature=0123456789abcdef01&short=1"));
  return secrets;
}

const HIDDEN = "(not shown: it contains a secret that was sent)";

test.each([
  ["the header", `Authorization: Basic ${PAIR}`],
  ["the header in base64", base64(`Authorization: Basic ${PAIR}`)],
  ["the header in base64 of the web", Buffer.from(`x: Basic ${PAIR}`).toString("base64url")],
  ["the pair in base64 of the web", PAIR.replaceAll("+", "-").replaceAll("/", "_")],
  ["the pair without its end", PAIR.replaceAll("=", "")],
  ["the password", `wrong password ${PASSWORD}`],
  ["the password in capitals", PASSWORD.toUpperCase()],
  ["the password in base64", base64(PASSWORD)],
  ["the password in base64 of more", base64(`{"password":"${PASSWORD}"}`)],
  ["the password in base64 of one character more", base64(`x${PASSWORD}`)],
  ["the password in base64 of two characters more", base64(`xy${PASSWORD}`)],
  ["the password in a URL", `https://r.io/?p=${encodeURIComponent(PASSWORD)}`],
  ["the password in a form", new URLSearchParams({ p: PASSWORD }).toString()],
  ["the password with spaces between", PASSWORD.split("").join(" ")],
  ["the password with control characters between", PASSWORD.split("").join("\u0000")],
  ["the password, escaped", JSON.stringify(JSON.stringify(PASSWORD))],
  ["the token", `Bearer ${TOKEN} has expired`],
  ["the start of the token", `token ${TOKEN.slice(0, 20)}... is bad`],
  ["the middle of the token", TOKEN.slice(10, 30)],
  ["the refresh token", "no grant r3fre"],
  ["a signature", "signature 0123456789abcdef01 does not match"],
])("does not show %s", (_, text) => {
  expect(knowing().quote(text)).toBe(HIDDEN);
});

test.each([
  "requested access to the resource is denied",
  "robot$project+puller may not pull",
  "short=1",
  "client_id tandem",
  TOKEN.slice(0, 12),
])("shows %p", (text) => {
  expect(knowing().quote(text)).toBe(text);
});

test("before a secret was sent every text is shown, short and on one line", () => {
  const secrets = new Secrets();
  expect(secrets.quote(PASSWORD)).toBe(PASSWORD);
  expect(secrets.quote("a\nb\u001B[2J\u202E\u2028c")).toBe("a?b?[2J??c");
  expect(secrets.quote("x".repeat(9999))).toBe("x".repeat(300));
});

test("a text is checked before it is shortened", () => {
  expect(knowing().quote(`${"x".repeat(295)}${PASSWORD}`)).toBe(HIDDEN);
});

test("a host name that contains a secret is hidden", () => {
  expect(knowing().quoteHost("pä55-w0rd?&x.evil.test")).toBe(HIDDEN);
  expect(knowing().quoteHost("auth.r.io")).toBe("auth.r.io");
});

test("a short password hides quotes of servers, but not host names and tandem's own texts", () => {
  const secrets = new Secrets();
  secrets.learnHeader(`Basic ${base64("me:io")}`);
  expect(secrets.quote("r.io")).toBe(HIDDEN);
  expect(secrets.quoteHost("r.io")).toBe("r.io");
  expect(secrets.areIn("Cannot use r.io")).toBe(false);
});

test("accepts an empty password and a header without a scheme", () => {
  const secrets = new Secrets();
  secrets.learnHeader(`Basic ${base64("me:")}`);
  secrets.learnHeader("s3cret");
  expect(secrets.quote("denied")).toBe("denied");
  expect(secrets.quote("s3cret")).toBe(HIDDEN);
});
