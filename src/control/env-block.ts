/**
 * GRUB's environment block, as grub-core/lib/envblk.c reads it: a signature line, then lines `name=value`. A backslash
 * takes the next character as it is, a line that begins with `#` is skipped, and a value ends at a newline that nothing
 * escapes. GRUB's load_env takes a block of any size.
 */
const SIGNATURE = "# GRUB Environment Block\n";

export type EnvBlock =
  | { readonly values: ReadonlyMap<string, string> }
  | { readonly invalid: string };

/** One line of a block. The value is escaped. The name has no characters that need it. */
export function envLine(name: string, value: string): string {
  return `${name}=${value.replaceAll(/[\\\n]/g, String.raw`\$&`)}\n`;
}

/** The start of a block: signature and lines. */
export function envText(lines: readonly string[]): string {
  return SIGNATURE + lines.join("");
}

/** Reads a block as GRUB does. Of two lines with the same name the last one counts. */
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

/** The offset of the newline that ends the line at `start`. At least the length of the text when there is none. */
function endOfLine(text: string, start: number): number {
  let at = start;
  while (at < text.length && text[at] !== "\n") at += text[at] === "\\" ? 2 : 1;
  return at;
}

/** Removes the escapes and decodes the bytes: GRUB keeps UTF-8 unchanged. */
function unescape(value: string): string {
  return Buffer.from(value.replaceAll(/\\([\s\S])/g, "$1"), "latin1").toString("utf8");
}
