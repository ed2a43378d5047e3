import { Buffer } from "node:buffer";

/** What of others is shown at most: the first lines of an error message. */
const QUOTE_CHARS_MAX = 300;
/** This much of a secret in a row gives it away: servers cut what they quote. */
const PART_CHARS = 16;
/** Parameters of a signed URL that are shorter are flags and names. */
const SIGNATURE_CHARS_MIN = 16;
/** Shorter secrets are in our own words and in names of hosts by chance. */
const OWN_WORDS_CHARS_MIN = 8;
const SECRET_FIELDS = ["password", "refresh_token"];
const HIDDEN = "(not shown: it contains a secret that was sent)";

/** What we have sent to identify ourselves, and whether others send it back: nothing of that is ever shown. */
export class Secrets {
  /** In the one form in which texts are compared. */
  readonly #forms = new Set<string>();

  /** The value of a header such as Authorization. */
  learnHeader(value: string): void {
    const [, scheme = "", rest = value] = /^(\S+) (.*)$/.exec(value) ?? [];
    this.#learn(rest);
    if (scheme.toLowerCase() !== "basic") return;
    const pair = Buffer.from(rest, "base64").toString("utf8");
    this.#learn(pair.slice(pair.indexOf(":") + 1));
  }

  learnForm(form: URLSearchParams): void {
    for (const field of SECRET_FIELDS) this.#learn(form.get(field) ?? "");
  }

  /** A password or token that was not sent, and must not be shown either. */
  learnSecret(secret: string): void {
    this.#learn(secret);
  }

  /** A URL that we were sent to: what is in its query may be as good as a password. */
  learnUrl({ searchParams }: URL): void {
    for (const value of searchParams.values())
      if (value.length >= SIGNATURE_CHARS_MIN) this.#learn(value);
  }

  /** Whether a text of our own, with words of others in it, gives one away. */
  areIn(text: string): boolean {
    return this.#areIn(text, OWN_WORDS_CHARS_MIN);
  }

  /** The name of a host that others lead to. */
  quoteHost(host: string): string {
    return this.areIn(host) ? HIDDEN : host;
  }

  /** A text of others, fit for a terminal: on one line and short. */
  quote(text: string): string {
    if (this.#areIn(text, 1)) return HIDDEN;
    return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, "?").slice(0, QUOTE_CHARS_MAX);
  }

  /** Whole or a good part of it, as it is or encoded. */
  #areIn(text: string, charsMin: number): boolean {
    const texts = [text, percentDecoded(text)].map(comparable);
    return [...this.#forms].some(
      (form) => form.length >= charsMin && texts.some((one) => holds(one, form)),
    );
  }

  #learn(secret: string): void {
    const plain = [secret, new URLSearchParams({ "": secret }).toString().slice(1)];
    for (const form of [...plain, ...base64Forms(secret)].map(comparable))
      if (form !== "") this.#forms.add(form);
  }
}

function holds(text: string, form: string): boolean {
  if (form.length <= PART_CHARS) return text.includes(form);
  for (let at = 0; at + PART_CHARS <= form.length; at += 1)
    if (text.includes(form.slice(at, at + PART_CHARS))) return true;
  return false;
}

/** What of the base64 of a longer text comes from the secret alone, for each place where it can begin in a group of three bytes. */
function base64Forms(secret: string): string[] {
  const bytes = Buffer.from(secret, "utf8");
  return [0, 1, 2].map((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
    const whole = Math.floor(((before + bytes.byteLength) * 8) / 6);
    return encoded.slice(Math.ceil((before * 8) / 6), whole);
  });
}

function percentDecoded(text: string): string {
  return text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** Without what a server may add or change: case (host names), spaces, escapes, the alphabet and the end of base64. */
function comparable(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[\p{C}\s\\=]/gu, "")
    .replaceAll("-", "+")
    .replaceAll("_", "/");
}
