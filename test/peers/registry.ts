/** Debian's docker-registry on a free loopback port, with its own store, which is removed with it. */
import { mkdir } from "node:fs/promises";

import { command } from "./command.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export interface Registry extends AsyncDisposable {
  /** "127.0.0.1:41235". */
  readonly host: string;
  readonly pid: number;
  /** The folder of the store. */
  readonly store: string;
  /** The output of the registry so far, with its access log. */
  readonly log: () => string;
}

export interface RegistryOptions {
  /** Requires this user with Basic authentication. */
  readonly login?: { readonly user: string; readonly password: string };
  /** More sections for the configuration, such as `http: { tls: … }` or `auth: { token: … }`. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** The line in which the registry prints its port. */
const LISTENING = /listening on (127\.0\.0\.1:\d+)/;
/** The line takes less than a second. The limit allows for a busy machine. */
const START_MS_MAX = 120_000;

export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const folder = await temporaryFolder();
  try {
    await mkdir(folder.in("store"));
    const config = folder.in("config.yml");
    await Bun.write(config, JSON.stringify(await configuration(folder.path, options)));
    const child = Bun.spawn(["docker-registry", "serve", config], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    const [host, log] = await listening(child.stderr);
    return {
      host,
      pid: child.pid,
      store: folder.in("store"),
      log,
      async [Symbol.asyncDispose]() {
        child.kill();
        await child.exited;
        await folder[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

/** The configuration. Each registry has its own store. With port 0 the kernel chooses a free port, without a race. */
async function configuration(
  folder: string,
  { login, config = {} }: RegistryOptions,
): Promise<object> {
  const http = { addr: "127.0.0.1:0", ...(config["http"] as object | undefined) };
  const base = {
    version: "0.1",
    log: { level: "info" },
    storage: { filesystem: { rootdirectory: `${folder}/store` }, delete: { enabled: true } },
  };
  if (login === undefined) return { ...base, ...config, http };
  const path = `${folder}/htpasswd`;
  await Bun.write(path, await command("htpasswd", "-Bbn", login.user, login.password));
  return { ...base, auth: { htpasswd: { realm: "tandem", path } }, ...config, http };
}

/** Waits for the line with the address, and continues to read, so that the registry never blocks on a full pipe. */
async function listening(stderr: ReadableStream<Uint8Array>): Promise<[string, () => string]> {
  let text = "";
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of stderr) {
      text += decoder.decode(chunk, { stream: true });
      const host = LISTENING.exec(text)?.[1];
      if (host !== undefined) resolve(host);
    }
    reject(new Error(`Cannot start docker-registry: ${text}`));
  };
  const late = setTimeout(
    () => reject(new Error(`Cannot start docker-registry: ${text}`)),
    START_MS_MAX,
  );
  read().catch(reject);
  try {
    return [await promise, () => text];
  } finally {
    clearTimeout(late);
  }
}
