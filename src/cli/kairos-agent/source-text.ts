import { parseReference } from "../../oci/reference.ts";

/** A source in the words of Kairos, and what it is for tandem. */
export interface AgentSource {
  readonly kind: "image" | "folder" | "file" | "archive";
  /** In log lines: "host/name:tag", "/path". */
  readonly shown: string;
  /** In Kairos' own notes: "oci://host/name:tag". */
  readonly noted: string;
}

const KINDS: Readonly<Record<string, AgentSource["kind"]>> = {
  oci: "image",
  docker: "image",
  dir: "folder",
  file: "file",
  ocifile: "archive",
};

/** Reads "oci:NAME", "oci://NAME", "docker:NAME", "dir:PATH", "file:PATH", "ocifile:PATH" or NAME. Throws "source". */
export function parseAgentSource(text: string): AgentSource {
  const found = /^(?<scheme>oci|docker|dir|file|ocifile):(?:\/\/)?(?<rest>.*)$/s.exec(text)?.groups;
  const { scheme = "oci", rest: value = text } = found ?? {};
  const kind = KINDS[scheme] ?? "image";
  const shown = kind === "image" ? withTag(value) : value;
  return { kind, shown, noted: `${kind === "image" ? "oci" : scheme}://${shown}` };
}

/** The original writes the tag that a name without one stands for. */
function withTag(name: string): string {
  const { tag, digest } = parseReference(name);
  const isNamed = digest !== undefined || name.endsWith(`:${tag}`);
  return isNamed ? name : `${name}:${tag}`;
}
