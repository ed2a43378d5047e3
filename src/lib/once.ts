/**
 * Wraps `action`: the first call performs it, all later calls get the same result. After a failure the next call
 * performs it again.
 */
export function once<T>(action: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= action().catch((error: unknown) => {
      result = undefined;
      throw error;
    });
    return result;
  };
}
