import { copyFileSync } from "node:fs";

/**
 * A virtual machine to start. The disks are image files. The machine boots from the first; the others are read-only.
 */
export interface MachineSetup {
  readonly disks: readonly string[];
  readonly firmware?: "bios" | "efi";
  readonly memoryMib?: number;
  /** Makes the first disk read-only too. */
  readonly readOnly?: boolean;
  /** Ends the machine when the guest reboots. */
  readonly once?: boolean;
  /** Adds a watchdog that resets the guest. */
  readonly watchdog?: boolean;
  /** The time of the clock at the start: "1970-01-01". Default: the current time. */
  readonly clock?: string;
  /** A kernel to start without a boot loader. */
  readonly direct?: DirectBoot;
}

export interface DirectBoot {
  readonly kernel: string;
  readonly initrd: string;
  /** The kernel command line. */
  readonly options: string;
}

/** A running machine. The test sees only its serial console. */
export interface Machine extends AsyncDisposable {
  /** The whole output of the console, without control sequences and empty lines. */
  readonly lines: readonly string[];
  /** Waits for the next matching line after the last match. Rejects when none comes in time. */
  readonly expectLine: (pattern: RegExp, withinSeconds: number) => Promise<string>;
  /** Types on the console. */
  readonly type: (text: string) => Promise<void>;
  /** Cuts the power: the guest cannot write anything more. */
  readonly cut: () => Promise<void>;
  /** Resolves when the machine has switched itself off, or when its power was cut. */
  readonly off: Promise<void>;
}

/** Linux counts timer ticks while it starts, and panics when a busy host delivers too few. */
export const UNDER_LOAD = "no_timer_check";

const OVMF = "/usr/share/OVMF/OVMF_CODE_4M.fd";
const OVMF_VARS = "/usr/share/OVMF/OVMF_VARS_4M.fd";

/** KVM may exist and still fail to run a guest, so it is used only on request. */
const ACCELERATOR = process.env["TANDEM_E2E_KVM"] === "1" ? "kvm" : "tcg,thread=multi";

export function startMachine(setup: MachineSetup): Machine {
  const qemu = Bun.spawn(["qemu-system-x86_64", ...options(setup)], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const console = new SerialConsole(qemu.stdout);
  const cut = async (): Promise<void> => {
    qemu.kill("SIGKILL");
    await qemu.exited;
    await console.ended;
  };
  return {
    lines: console.lines,
    expectLine: (pattern, withinSeconds) => console.expectLine(pattern, withinSeconds),
    type: async (text) => {
      await qemu.stdin.write(text);
      await qemu.stdin.flush();
    },
    cut,
    off: console.ended,
    [Symbol.asyncDispose]: cut,
  };
}

function options(setup: MachineSetup): string[] {
  const { disks, firmware = "bios", memoryMib = 256 } = setup;
  const drives = disks.flatMap((path, index) => {
    const readOnly = index > 0 || setup.readOnly === true ? ",read-only=on" : "";
    const drive = `file=${path},format=raw,if=none,id=disk${index},cache=unsafe${readOnly}`;
    return ["-drive", drive, "-device", `virtio-blk-pci,drive=disk${index}`];
  });
  const machine = `-accel ${ACCELERATOR} -cpu max -m ${memoryMib} -smp 1 -nodefaults -display none -serial stdio`;
  const network = "-netdev user,id=net -device virtio-net-pci,netdev=net,romfile=";
  const random = "-object rng-random,id=rng,filename=/dev/urandom -device virtio-rng-pci,rng=rng";
  return [
    ...`${machine} ${network} ${random}`.split(" "),
    ...(firmware === "efi" ? efi(disks) : []),
    ...drives,
    ...(setup.direct === undefined ? [] : direct(setup.direct)),
    ...(setup.once === true ? ["-no-reboot"] : []),
    ...(setup.clock === undefined ? [] : ["-rtc", `base=${setup.clock}`]),
    ...(setup.watchdog === true ? ["-device", "i6300esb", "-action", "watchdog=reset"] : []),
  ];
}

function direct({ kernel, initrd, options: append }: DirectBoot): string[] {
  return ["-kernel", kernel, "-initrd", initrd, "-append", `${append} ${UNDER_LOAD}`];
}

/** The firmware's variables. Each machine has its own copy, because the firmware writes them. */
function efi([disk]: readonly string[]): string[] {
  const variables = `${disk}.vars`;
  copyFileSync(OVMF_VARS, variables);
  const code = `if=pflash,format=raw,read-only=on,file=${OVMF}`;
  return ["-machine", "q35", "-drive", code, "-drive", `if=pflash,format=raw,file=${variables}`];
}

interface Waiter {
  readonly pattern: RegExp;
  readonly found: (line: string) => void;
  readonly failed: (error: Error) => void;
}

/** Menus are drawn with cursor movements, without line ends. */
// oxlint-disable-next-line no-control-regex -- Terminals are controlled by control characters.
const LINE_END = /[\r\n]+|\u001b\[\d+;\d+H/;

/** The part of the console that an error shows. */
const SHOWN_LINES = 40;

class SerialConsole {
  readonly lines: string[] = [];
  readonly ended: Promise<void>;
  #seen = 0;
  #waiter: Waiter | undefined;
  #isOver = false;

  constructor(bytes: ReadableStream<Uint8Array>) {
    this.ended = this.#read(bytes);
  }

  async expectLine(pattern: RegExp, withinSeconds: number): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.#waiter = { pattern, found: resolve, failed: reject };
    const late = setTimeout(() => this.#fail(`within ${withinSeconds} s`), withinSeconds * 1000);
    this.#look();
    try {
      return await promise;
    } finally {
      clearTimeout(late);
      this.#waiter = undefined;
    }
  }

  async #read(bytes: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of bytes) {
      const pieces = (rest + decoder.decode(chunk, { stream: true })).split(LINE_END);
      rest = pieces.pop() ?? "";
      this.lines.push(...pieces.map(withoutEscapes).filter((line) => line !== ""));
      this.#look();
    }
    this.lines.push(withoutEscapes(rest));
    this.#isOver = true;
    this.#look();
  }

  #look(): void {
    if (this.#waiter === undefined) return;
    for (; this.#seen < this.lines.length; this.#seen += 1) {
      const line = this.lines[this.#seen] ?? "";
      if (!this.#waiter.pattern.test(line)) continue;
      this.#seen += 1;
      this.#waiter.found(line);
      return;
    }
    if (this.#isOver) this.#fail("before the machine went off");
  }

  #fail(when: string): void {
    const shown = this.lines.slice(-SHOWN_LINES).join("\n");
    this.#waiter?.failed(new Error(`No line matched ${this.#waiter.pattern} ${when}:\n${shown}`));
  }
}

/** Removes control sequences (colours and cursor movements), so that only text is left. */
function withoutEscapes(text: string): string {
  // oxlint-disable-next-line no-control-regex -- Control characters are what is removed.
  return text.replaceAll(/\u001b\[[0-9;?=]*[a-zA-Z]|[\u0000-\u001f]/g, "");
}
