import { Buffer } from "node:buffer";

/** The longest quote from a server: the first lines of an error message. */
const QUOTE_CHARS_MAX = 300;
/** So many characters of a secret in a row count as the secret: servers cut what they quote. */
const PART_CHARS = 16;
/** Shorter parameters of a signed URL are flags and names. */
const SIGNATURE_CHARS_MIN = 16;
/** Shorter secrets can appear in tandem's own texts and in host names by chance. */
const OWN_WORDS_CHARS_MIN = 8;
const SECRET_FIELDS = ["password", "refresh_token"];
const HIDDEN = "(not shown: it contains a secret that was sent)";

/** Knows the secrets that were sent, and hides texts of servers that contain one. */
export class Secrets {
  /** The secrets, in the form of comparable(). */
  readonly #forms = new Set<string>();

  /** Takes the value of a header such as Authorization. */
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

  /** Takes the target of a redirect: its query may hold a signature. */
  learnUrl({ searchParams }: URL): void {
    for (const value of searchParams.values())
      if (value.length >= SIGNATURE_CHARS_MIN) this.#learn(value);
  }

  /** Whether a text of tandem, which may quote a server, contains a secret. */
  areIn(text: string): boolean {
    return this.#areIn(text, OWN_WORDS_CHARS_MIN);
  }

  /** Returns the name of a host that a server chose, fit to be shown. */
  quoteHost(host: string): string {
    return this.areIn(host) ? HIDDEN : host;
  }

  /** Returns a server's text, fit for a terminal: short and on one line. */
  quote(text: string): string {
    if (this.#areIn(text, 1)) return HIDDEN;
    return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, "?").slice(0, QUOTE_CHARS_MAX);
  }

  /** Whether `text` contains a secret, or a part of it, plain or encoded. */
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

/** The base64 of the secret inside a longer text, for each of the three offsets in a group of three bytes. */
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

/** Removes what a server may change: case (in host names), spaces, escapes, the alphabet and padding of base64. */
function comparable(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[\p{C}\s\\=]/gu, "")
    .replaceAll("-", "+")
    .replaceAll("_", "/");
}
