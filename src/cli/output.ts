import { reasonOf } from "../lib/error.ts";
import { errnoOf } from "../system/failure.ts";
import { EXIT } from "./exit.ts";

type Stream = "stdout" | "stderr";

const watched = new Set<Stream>();
/** The reader has closed its end. Service managers use a socket, which a reader may also reset. */
const READER_GONE = new Set(["EPIPE", "ECONNRESET"]);

/**
 * Writes to stdout or stderr. After the reader has closed its end (`tandem status | head`), output is dropped without an
 * error: the verb goes on and its exit status does not change. Any other failure, such as a full disk, sets status 8.
 */
export function output(stream: Stream, content: string | Uint8Array): void {
  // Only now: to set up a stream takes 10 ms.
  if (!watched.has(stream)) process[stream].on("error", (error) => failed(stream, error));
  watched.add(stream);
  process[stream].write(content);
}

function failed(stream: Stream, error: unknown): void {
  if (READER_GONE.has(errnoOf(error) ?? "")) return;
  // The verb may still be running, so its status is replaced at the end.
  process.once("exit", () => {
    process.exitCode = EXIT.disk;
  });
  if (stream === "stdout")
    output("stderr", `tandem: Cannot print the result: ${reasonOf(error)}\n`);
}
