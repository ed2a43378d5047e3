import * as v from "valibot";

import { TandemError } from "../lib/error.ts";
import { KiB } from "../lib/units.ts";
import { parseRetryAfter, Transient } from "./attempts.ts";
import type { Answer } from "./transport.ts";

const ERROR_BODY_BYTES_MAX = 64 * KiB;
const RETRYABLE = new Set([408, 429, 499, 500, 502, 503, 504, 522]);

const errorsSchema = v.looseObject({
  errors: v.array(v.looseObject({ code: v.nullish(v.string()), message: v.nullish(v.string()) })),
});

export interface FailureContext {
  /** "fetch sha256:… of r.io/app" */
  readonly task: string;
  /** "without credentials", "with the credentials from FILE" */
  readonly identity: string;
}

/** Returns the error for an answer that is no success: Transient when a later attempt can succeed. */
export async function failureOf(
  answer: Answer,
  { task, identity }: FailureContext,
): Promise<Transient | TandemError> {
  const { status, host, isForeign } = answer;
  const said = await describeAnswer(answer);
  if (RETRYABLE.has(status))
    return new Transient(said, parseRetryAfter(answer.headers, Date.now()));
  // The signed URL of a store expires: the registry gives a new one.
  if (isForeign && status === 403) return new Transient(`${said} from ${host}`);
  const why = `${host} says ${said}`;
  if (status === 401 || status === 403) return unauthorized(task, why, identity);
  if (status === 404) return new TandemError("source", `Cannot ${task}: ${why}`);
  if (status === 416)
    return new TandemError(
      "content",
      `Cannot ${task}: ${why}, so the blob is shorter than its descriptor says`,
    );
  return new TandemError("network", `Cannot ${task}: ${why}`);
}

export function unauthorized(task: string, why: string, identity: string): TandemError {
  return new TandemError("unauthorized", `Cannot ${task}: ${why} (asked ${identity})`, {
    hint: "Check that the name is right, and log in with `skopeo login` or `podman login`, or set REGISTRY_AUTH_FILE",
  });
}

/** "404 MANIFEST_UNKNOWN: manifest unknown": the status and the registry's error document. */
async function describeAnswer(answer: Answer): Promise<string> {
  const text = await errorText(answer);
  return `${answer.status}${text === "" ? "" : ` ${text}`}`;
}

async function errorText(answer: Answer): Promise<string> {
  try {
    const value: unknown = JSON.parse(await readStart(answer));
    const { errors } = v.parse(errorsSchema, value);
    const texts = errors.map(({ code, message }) => [code, message].filter(Boolean).join(": "));
    return answer.quote(texts.join(", "));
  } catch {
    return "";
  }
}

async function readStart(answer: Answer): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of answer.bytes()) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > ERROR_BODY_BYTES_MAX) break;
  }
  return text;
}
