import type { PagedImage } from "./paged-image.ts";

/** Makes the image for the same arguments once. Each call returns a fork, which may be written to. */
export function forked<Args extends readonly unknown[]>(
  make: (...args: Args) => Promise<PagedImage>,
): (...args: Args) => Promise<PagedImage> {
  const made = new Map<string, Promise<PagedImage>>();
  return async (...args) => {
    const key = JSON.stringify(args);
    const making = made.get(key) ?? make(...args);
    made.set(key, making);
    return (await making).fork();
  };
}
