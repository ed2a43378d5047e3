/** GRUB's files are text that is filled up with "#" or zeros. What is no text is a sign of damage. */
export function shownBytes(bytes: Uint8Array): string {
  const text = Buffer.from(bytes)
    .toString("latin1")
    .replaceAll(/[^\n\t\x20-\x7e]/g, "?");
  return `${text.replaceAll(/([#?])\1{7,}/g, "$1$1$1…")}\n`;
}
