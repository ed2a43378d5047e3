/** A name server that gives the same answer to all questions, https://www.rfc-editor.org/rfc/rfc1035#section-4.1 */
const PORT = 53;
const HEADER_BYTES = 12;
/** A question without its name: type and class. */
const QUESTION_TAIL_BYTES = 4;
const TYPE_A = 1;
/** A response to a recursive question, without an error. */
const FLAGS = 0x8180;
/** A name that points to the question's, type A, class IN, 60 seconds, 4 bytes of address. */
const ANSWER_HEAD = [0xc0, HEADER_BYTES, 0, TYPE_A, 0, 1, 0, 0, 0, 60, 0, 4];

/** Serves on 127.0.0.1 until it is closed. Every name has the IPv4 address `address`. */
export async function startNames(address: string): Promise<{ close(): void }> {
  const answer = Buffer.from([...ANSWER_HEAD, ...address.split(".").map(Number)]);
  return Bun.udpSocket({
    hostname: "127.0.0.1",
    port: PORT,
    socket: {
      data(socket, query, ...[port, from]) {
        socket.send(reply(query, answer), port, from);
      },
    },
  });
}

function reply(query: Buffer, answer: Buffer): Buffer {
  const questionEnd = query.indexOf(0, HEADER_BYTES) + 1 + QUESTION_TAIL_BYTES;
  const isKnown = query.readUInt16BE(questionEnd - QUESTION_TAIL_BYTES) === TYPE_A;
  const answers = isKnown ? [answer] : [];
  const message = Buffer.concat([query.subarray(0, questionEnd), ...answers]);
  message.writeUInt16BE(FLAGS, 2);
  message.writeUInt16BE(answers.length, 6);
  message.writeUInt32BE(0, 8); // Neither authorities nor additional records.
  return message;
}
