/** A network of a given speed in front of a server: passes bytes on, to all connections together no faster than that. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";

export interface SlowLink extends AsyncDisposable {
  /** What to ask instead of the server: "127.0.0.1:41235". */
  readonly host: string;
}

/** Timers are no finer. What goes too early by less is made up for by what follows. */
const TIMER_MS = 2;

/** Only what comes from `server` is slowed down, which is where the image comes from. */
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

/** When the link has room for the next byte. */
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
