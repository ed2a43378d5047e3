import { TandemError } from "../lib/error.ts";

/** A failure that a later attempt may not have. */
export class Transient extends Error {
  /** How long the server asks the client to wait, by Retry-After. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, retryAfterMs?: number) {
    super(message);
    this.name = "Transient";
    this.retryAfterMs = retryAfterMs;
  }
}

/** The server sends less than the minimum rate. The bytes that came do not count as progress. */
export class TooSlow extends Transient {}

export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>;

export interface AttemptsOptions {
  readonly sleep: Sleep;
  readonly log: (message: string) => void;
  /** "fetch sha256:… of r.io/app": messages begin with "Cannot " and this. */
  readonly task: string;
  readonly host: string;
}

export const ATTEMPTS_MAX = 5;
const BACKOFF_FIRST_MS = 1000;
const BACKOFF_MAX_MS = 60_000;
/** The longest wait, even if the server asks for more. */
const RETRY_AFTER_MAX_MS = 600_000;

/**
 * Counts failures in a row and waits after each: as long as the server asks, else a random time whose limit doubles with
 * each failure.
 */
export class Attempts {
  #failures = 0;
  readonly #options: AttemptsOptions;

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  /** Waits until the next attempt. Throws "network" after ATTEMPTS_MAX failures in a row. */
  async failed(error: Transient, signal?: AbortSignal): Promise<void> {
    const { sleep, log, task, host } = this.#options;
    this.#failures += 1;
    if (this.#failures >= ATTEMPTS_MAX)
      throw new TandemError(
        "network",
        `Cannot ${task}: ${host} failed ${this.#failures} times in a row, at last with ${error.message}`,
        { cause: error },
      );
    const waitMs = delayMs(error, this.#failures);
    log(
      `Cannot ${task} from ${host}: ${error.message}; attempt ${this.#failures + 1} of ${ATTEMPTS_MAX} in ${(waitMs / 1000).toFixed(1)} s, continuing`,
    );
    await sleep(waitMs, signal);
  }

  /** Resets the count of failures: the last attempt brought new data. */
  progressed(): void {
    this.#failures = 0;
  }
}

/** Runs `action` until it succeeds. Ends with the first error that is not Transient, or after too many failures. */
export async function withAttempts<T>(
  action: () => Promise<T>,
  options: AttemptsOptions,
  signal?: AbortSignal,
): Promise<T> {
  const attempts = new Attempts(options);
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof Transient)) throw error;
      await attempts.failed(error, signal);
    }
  }
}

/** Reads Retry-After and returns ms. It holds seconds, or a date, which counts from the server's Date if that is there. */
export function parseRetryAfter(headers: Headers, nowMs: number): number | undefined {
  const text = headers.get("retry-after")?.trim() ?? "";
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, Number.MAX_SAFE_INTEGER);
  const until = /^[A-Z][a-z]+, /.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(until)) return undefined;
  const serverNow = Date.parse(headers.get("date") ?? "");
  return Math.max(0, until - (Number.isNaN(serverNow) ? nowMs : serverNow));
}

function delayMs({ retryAfterMs }: Transient, failures: number): number {
  if (retryAfterMs !== undefined) return Math.min(retryAfterMs, RETRY_AFTER_MAX_MS);
  return Math.random() * Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (failures - 1));
}
