/** Simulates a network in front of a server: all connections together get no more than a given speed. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";

export interface SlowLink extends AsyncDisposable {
  /** The address to use instead of the server: "127.0.0.1:41235". */
  readonly host: string;
}

/** The resolution of timers. Bytes that are early by less make the next ones later. */
const TIMER_MS = 2;

/** Only the bytes from `server` are slowed down, because the image comes from there. */
export async function slowLink(server: string, bytesPerSecond: number): Promise<SlowLink> {
  const [address = "", port = ""] = server.split(":");
  const clock: Clock = { freeAtMs: 0, msPerByte: 1000 / bytesPerSecond };
  const sockets = new Set<Socket>();
  const listener = createServer((client) => {
    const upstream = connect(Number(port), address);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => sockets.delete(socket));
    }
    client.pipe(upstream);
    void passOn(upstream, client, clock).catch(() => client.destroy());
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- It listens on TCP.
  const bound = listener.address() as AddressInfo;
  return {
    host: `127.0.0.1:${bound.port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, "close");
    },
  };
}

/** The time at which the link is free for the next byte. */
interface Clock {
  freeAtMs: number;
  readonly msPerByte: number;
}

async function passOn(from: Socket, to: Socket, clock: Clock): Promise<void> {
  for await (const chunk of from) {
    const bytes: Buffer = chunk;
    const nowMs = performance.now();
    clock.freeAtMs = Math.max(clock.freeAtMs, nowMs) + bytes.length * clock.msPerByte;
    if (clock.freeAtMs - nowMs > TIMER_MS) await setTimeout(clock.freeAtMs - nowMs);
    if (!to.write(bytes)) await once(to, "drain");
  }
  to.end();
}
