/**
 * Waits for what reports nothing by itself, such as a counter or /proc: looks again and again. The limit is that of the
 * test.
 */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await Bun.sleep(1);
}

/** Lets everything that is ready run once. */
export async function turn(): Promise<void> {
  await new Promise<void>((resolve) => {
    setImmediate(resolve);
  });
}
