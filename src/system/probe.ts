import { statfsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

import { findAuthorities } from "./authorities.ts";
import { linuxFiles } from "./files.ts";

/** Asks a running system for facts that health checks need. Each network request has a deadline. */
export interface Probe {
  /** The free space for ordinary users in the file system that holds `path`. Throws when `path` does not exist. */
  freeBytes(path: string): number;
  /** Sends a GET request, follows redirects, and returns the status. Rejects after `seconds`. */
  httpStatus(url: string, seconds: number): Promise<number>;
  /** Connects to "host:port" or "[address]:port" and closes the connection. Rejects on failure or after `seconds`. */
  connect(address: string, seconds: number): Promise<void>;
  /** Waits. Resolves early when the signal fires. */
  pause(seconds: number, signal?: AbortSignal): Promise<void>;
}

export const linuxProbe: Probe = {
  freeBytes(path) {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  },
  async httpStatus(url, seconds) {
    const signal = AbortSignal.timeout(seconds * 1000);
    const response = await fetch(url, { signal, ...trust(url) });
    await response.body?.cancel();
    return response.status;
  },
  connect,
  pause,
};

/** Uses the same authorities as for registries. */
function trust(url: string): { tls?: { ca: string[] } } {
  if (!url.startsWith("https:")) return {};
  const { certificates } = findAuthorities({ files: linuxFiles, environment: process.env });
  return certificates === undefined ? {} : { tls: { ca: [...certificates] } };
}

async function pause(seconds: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(seconds * 1000, undefined, { signal });
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
}

async function connect(address: string, seconds: number): Promise<void> {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  // Imported here because node:net loads node's streams, which would slow the start of every command.
  const net = await import("node:net");
  const socket = net.connect({ host, port: Number(address.slice(colon + 1)) });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("connect", () => resolve()).once("error", reject);
  const late = setTimeout(
    () => reject(new Error(`no connection within ${seconds.toFixed(0)} s`)),
    seconds * 1000,
  );
  try {
    await promise;
  } finally {
    clearTimeout(late);
    socket.destroy();
  }
}
