/** A thread that unpacks layers. It is told what to do by the messages of protocol.ts, in order; everything it does is synchronous. */
import { Allocator } from "../ext4/allocator.ts";
import { DataWriter } from "../ext4/data-writer.ts";
import { LayerUnpacker } from "../layer/unpack.ts";
import { defined } from "../lib/assert.ts";
import { part } from "../system/block-file.ts";
import { openBlockFile } from "../system/linux-block-file.ts";
import { failureOf, type Reply, type Request, type UnpackTarget } from "./protocol.ts";

declare const self: Worker;

let writer: DataWriter | undefined;
let unpacker: LayerUnpacker | undefined;

self.addEventListener("message", ({ data }: MessageEvent<Request>) => {
  try {
    take(data);
  } catch (error) {
    post({ kind: "failed", failure: failureOf(error) });
  }
});

function take(request: Request): void {
  if (request instanceof Uint8Array) {
    defined(unpacker, "layer to unpack").write(request);
    post(request.byteLength);
    return;
  }
  switch (request.kind) {
    case "open":
      writer = openWriter(request.target);
      break;
    case "layer":
      unpacker = new LayerUnpacker(
        request.layer,
        defined(writer, "target"),
        (entries) => post({ kind: "entries", entries }),
        (text) => post({ kind: "warning", text }),
      );
      break;
    case "end":
      defined(unpacker, "layer to end").end();
      post({ kind: "ended" });
      break;
    case "finish":
      post({ kind: "finished", ranges: defined(writer, "target").finish() });
      break;
  }
}

function openWriter({ path, offsetBytes, sizeBytes, layout, shared }: UnpackTarget): DataWriter {
  const file = openBlockFile(path, { write: true });
  const target = part(file, { name: path, offsetBytes, sizeBytes });
  return new DataWriter(target, Allocator.attach(layout, shared));
}

function post(reply: Reply): void {
  self.postMessage(reply);
}
