/**
 * GRUB's environment block, as grub-core/lib/envblk.c reads it: a signature line, then lines `name=value`. A backslash takes the
 * next character as it is, a line that begins with `#` is skipped, and a value ends at a newline that nothing escapes. GRUB's
 * load_env takes a block of any size.
 */
const SIGNATURE = "# GRUB Environment Block\n";

export type EnvBlock =
  | { readonly values: ReadonlyMap<string, string> }
  | { readonly invalid: string };

/** One line of a block. Values are escaped; names are ours and need no escape. */
export function envLine(name: string, value: string): string {
  return `${name}=${value.replaceAll(/[\\\n]/g, String.raw`\$&`)}\n`;
}

/** The start of a block: signature and lines. */
export function envText(lines: readonly string[]): string {
  return SIGNATURE + lines.join("");
}

/** Reads what GRUB would read. The last of two lines with one name counts, as it does there. */
export function parseEnvBlock(bytes: Uint8Array): EnvBlock {
  const text = Buffer.from(bytes).toString("latin1");
  if (bytes.every((byte) => byte === 0)) return { invalid: "it is empty" };
  if (!text.startsWith(SIGNATURE))
    return { invalid: "it does not begin as a GRUB environment block" };
  const values = new Map<string, string>();
  for (let at = SIGNATURE.length; at < text.length;) {
    const end = endOfLine(text, at);
    if (text[at] !== "#") {
      const equals = text.indexOf("=", at);
      if (equals === -1 || equals > end || end >= text.length)
        return { invalid: `it is broken at byte ${at}` };
      values.set(text.slice(at, equals), unescape(text.slice(equals + 1, end)));
    }
    at = end + 1;
  }
  return { values };
}

/** Where the newline is that ends the line at `start`, or the length of the text or more when there is none. */
function endOfLine(text: string, start: number): number {
  let at = start;
  while (at < text.length && text[at] !== "\n") at += text[at] === "\\" ? 2 : 1;
  return at;
}

/** Bytes back to text: GRUB keeps UTF-8 as it is. */
function unescape(value: string): string {
  return Buffer.from(value.replaceAll(/\\([\s\S])/g, "$1"), "latin1").toString("utf8");
}
