/** Environment blocks as GRUB reads and writes them, grub-core/lib/envblk.c, apart from what tandem has for them. */

export const ENV_SIGNATURE = "# GRUB Environment Block\n";

export function isEnvBlock(bytes: Uint8Array): boolean {
  return Buffer.from(bytes).toString("latin1", 0, ENV_SIGNATURE.length) === ENV_SIGNATURE;
}

/** An invalid block has no values, and a line without its end is ignored. */
export function parseEnv(bytes: Uint8Array | undefined): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  if (bytes === undefined || !isEnvBlock(bytes)) return values;
  const lines = Buffer.from(bytes).toString("latin1").split("\n").slice(0, -1);
  for (const line of lines) {
    const equals = line.indexOf("=");
    if (!line.startsWith("#") && equals !== -1)
      values.set(line.slice(0, equals), line.slice(equals + 1).replaceAll(/\\(.)/g, "$1"));
  }
  return values;
}

/**
 * The block after `save_env NAME`, as long as before: a variable that is in it keeps its place, a new one comes last. Undefined when
 * GRUB cannot save it: what is there is no block, or has no room.
 */
export function saveEnv(bytes: Uint8Array, name: string, value: string): Uint8Array | undefined {
  if (!isEnvBlock(bytes)) return undefined;
  const lines = Buffer.from(bytes).toString("latin1").split("\n").slice(1, -1);
  const line = `${name}=${value.replaceAll(/[\\\n]/g, String.raw`\$&`)}`;
  const place = lines.findIndex((one) => one.startsWith(`${name}=`));
  const after = place === -1 ? [...lines, line] : lines.with(place, line);
  const text = ENV_SIGNATURE + after.map((one) => `${one}\n`).join("");
  if (text.length > bytes.byteLength) return undefined;
  return Buffer.from(text.padEnd(bytes.byteLength, "#"), "latin1");
}
