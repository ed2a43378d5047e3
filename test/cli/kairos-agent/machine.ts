import type { AgentMachine, AskedMachine } from "../../../src/cli/kairos-agent/agent-answer.ts";
import type { MountedFiles } from "../../../src/system/mounted-files.ts";
import { memoryFiles } from "../../fakes/files.ts";
import { memorySystem } from "../../fakes/machine.ts";

export const KAIROS = "/usr/bin/kairos";

export interface AgentSetup {
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly links?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly original?: boolean;
  readonly userId?: number;
}

/** A machine in memory, booted from the active system at 00:00:01. */
export function agentMachine(setup: AgentSetup = {}): AgentMachine & AskedMachine {
  const { original = false, userId = 0, links = {}, environment = {} } = setup;
  const content: Record<string, string | Uint8Array> = {
    "/proc/cmdline": "root=LABEL=COS_ACTIVE",
    ...setup.files,
  };
  return {
    system: {
      ...memorySystem(),
      files: memoryFiles(content),
      environment,
      readLink: (path) => links[path],
      isExecutable: (path) => original && path === KAIROS,
      userId,
      mounted: mountedOn(content),
    },
    programs: { isSelf: () => false },
    original: original ? KAIROS : undefined,
  };
}

/** The same files as they are changed in place. */
function mountedOn(content: Record<string, string | Uint8Array>): MountedFiles {
  const bytesOf = (path: string): Uint8Array | undefined => {
    const found = content[path];
    return typeof found === "string" ? new TextEncoder().encode(found) : found;
  };
  const existing = (path: string): Uint8Array => {
    const bytes = bytesOf(path);
    if (bytes === undefined) throw new Error(`ENOENT: no such file, open '${path}'`);
    return bytes;
  };
  return {
    stat(path) {
      const bytes = bytesOf(path);
      return bytes === undefined ? undefined : { identity: path, sizeBytes: bytes.byteLength };
    },
    read: (path, offsetBytes, sizeBytes) =>
      existing(path).slice(offsetBytes, offsetBytes + sizeBytes),
    create(path, bytes) {
      content[path] = bytes.slice();
    },
    write(path, offsetBytes, bytes) {
      const whole = existing(path).slice();
      whole.set(bytes, offsetBytes);
      content[path] = whole;
    },
    link(path, to) {
      content[to] = existing(path);
    },
    rename(path, to) {
      content[to] = existing(path);
      delete content[path];
    },
    remove(path) {
      delete content[path];
    },
    makeFolder() {},
    flush() {},
  };
}

export function words(line: string): string[] {
  return line.split(" ").filter((word) => word !== "");
}
