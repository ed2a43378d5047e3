import { reasonOf } from "../lib/error.ts";
import { errnoOf } from "../system/failure.ts";
import { EXIT } from "./exit.ts";

type Stream = "stdout" | "stderr";

const watched = new Set<Stream>();
/** The reader has gone. Behind a socket, as a service manager gives one, a reader that ends may reset it. */
const GONE = new Set(["EPIPE", "ECONNRESET"]);

/**
 * Writes to stdout or stderr. When the reader has gone (`tandem status | head`) the rest is lost quietly: whatever runs goes on, and
 * its exit status stays. Another failure, such as a full disk, is one of the machine.
 */
export function output(stream: Stream, content: string | Uint8Array): void {
  // Not before it is needed: to set a stream up takes 10 ms.
  if (!watched.has(stream)) process[stream].on("error", (error) => failed(stream, error));
  watched.add(stream);
  process[stream].write(content);
}

function failed(stream: Stream, error: unknown): void {
  if (GONE.has(errnoOf(error) ?? "")) return;
  // The verb may not have ended: its work is done first.
  process.once("exit", () => {
    process.exitCode = EXIT.disk;
  });
  if (stream === "stdout")
    output("stderr", `tandem: Cannot print the result: ${reasonOf(error)}\n`);
}
