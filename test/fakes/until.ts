/**
 * Polls until a condition holds, for things without events, such as a counter or /proc. The limit is that of the
 * test.
 */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await Bun.sleep(1);
}

/** Lets all ready tasks of the event loop run once. */
export async function turn(): Promise<void> {
  await new Promise<void>((resolve) => {
    setImmediate(resolve);
  });
}
