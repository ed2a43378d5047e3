/** A world in one process: a name server, a web server, and questions to both. */
import { lookup } from "node:dns/promises";

const DNS_PORT = 53;
const HEADER_BYTES = 12;
/** A question without its name: type and class. */
const QUESTION_TAIL_BYTES = 4;
/** A name that points to byte 12, type A, class IN, 60 seconds, 4 bytes: https://www.rfc-editor.org/rfc/rfc1035#section-4.1 */
const ANSWER = [0xc0, HEADER_BYTES, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1];
const TYPE_A = 1;

/** The addresses of `names`, asked of the C library; every name that /etc/hosts lacks goes to a name server on 127.0.0.1. */
export async function addressesOf(names: readonly string[]): Promise<string[]> {
  const server = await Bun.udpSocket({
    hostname: "127.0.0.1",
    port: DNS_PORT,
    socket: {
      data(socket, query, ...[port, address]) {
        socket.send(answerTo(query), port, address);
      },
    },
  });
  const found = [];
  for (const name of names) found.push((await lookup(name, { family: 4 })).address);
  server.close();
  return found;
}

/** 127.0.0.1 for every A question, nothing for others. */
function answerTo(query: Buffer): Buffer {
  const questionEnd = query.indexOf(0, HEADER_BYTES) + 1 + QUESTION_TAIL_BYTES;
  const hasAnswer = query.readUInt16BE(questionEnd - QUESTION_TAIL_BYTES) === TYPE_A;
  const reply = Buffer.concat([
    query.subarray(0, questionEnd),
    Buffer.from(hasAnswer ? ANSWER : []),
  ]);
  reply.writeUInt16BE(0x8180, 2); // A response, recursion available, no error.
  reply.writeUInt16BE(hasAnswer ? 1 : 0, 6);
  reply.writeUInt32BE(0, 8); // Neither authorities nor additional records.
  return reply;
}

/** What fetching from an HTTPS server for `localhost` gives: its answer, or the code of the error. */
export async function fetchFromSelf(
  { key, cert }: { readonly key: string; readonly cert: string },
  trusted: readonly string[],
): Promise<string> {
  using server = Bun.serve({
    port: 0,
    tls: { key, cert },
    fetch: () => new Response("hello over TLS"),
  });
  try {
    const tls = trusted.length > 0 ? { tls: { ca: [...trusted] } } : {};
    return await (await fetch(`https://localhost:${server.port}/`, tls)).text();
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}
