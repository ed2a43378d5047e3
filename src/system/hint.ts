/** What the kernel refused and nothing depends on. Of this thread; each text once. */
const refused = new Set<string>();

/** Notes that a hint to the kernel failed: everything goes on, only slower or through the page cache. */
export function hintRefused(text: string): void {
  refused.add(text);
}

/** The texts since the last call, for those who ask with --debug. */
export function takeRefusedHints(): readonly string[] {
  const texts = [...refused];
  refused.clear();
  return texts;
}
