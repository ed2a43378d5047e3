import { statfsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

import { findAuthorities } from "./authorities.ts";
import { linuxFiles } from "./files.ts";

/** Looks at what a running system offers, with a deadline for each look. */
export interface Probe {
  /** Of the file system that holds `path`, for those who are not root. Throws when there is none. */
  freeBytes(path: string): number;
  /** The status that a GET of the URL ends with, redirects followed. */
  httpStatus(url: string, seconds: number): Promise<number>;
  /** Connects to "host:port" or "[address]:port" and hangs up. Rejects when that fails. */
  connect(address: string, seconds: number): Promise<void>;
  /** Comes back early when the signal fires. */
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

/** A service of this machine is judged as a registry is. */
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
  // Loaded only here: it brings streams along, and nothing else should wait for them.
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
