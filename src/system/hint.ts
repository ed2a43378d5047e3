/** The texts of refused hints in this thread, each once. */
const refused = new Set<string>();

/**
 * Records that the kernel refused a hint. Nothing depends on a hint: the work is only slower or uses the page cache.
 */
export function hintRefused(text: string): void {
  refused.add(text);
}

/** Returns the texts recorded since the last call, for --debug. */
export function takeRefusedHints(): readonly string[] {
  const texts = [...refused];
  refused.clear();
  return texts;
}
