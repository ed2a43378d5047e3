import { reasonOf } from "../../lib/error.ts";
import { SILENT } from "../../lib/talk.ts";
import type { Files } from "../../system/files.ts";
import {
  type AgentAnswer,
  type AskedMachine,
  STATUS,
  type WorkSurroundings,
} from "./agent-answer.ts";
import { isOn, parseGoFlags, valueOf } from "./go-flags.ts";
import { plainRegistries } from "./plain-registries.ts";
import { releaseValue } from "./release-value.ts";
import {
  type Artifact,
  readArtifact,
  type ReleaseOptions,
  releasesAmong,
  repositoryOf,
  tagOf,
} from "./releases.ts";

const REGISTRY = "quay.io/kairos";
const DEPRECATED = [
  "Warning: The 'REGISTRY_AND_ORG' OS release variable is deprecated. Use the '--registry' flag instead.",
  "Warning: Using the values from 'REGISTRY_AND_ORG' instead of the flag.",
];
/** Programs that may name releases. The original asks them. */
const PROVIDERS = ["/system/providers", "/usr/local/system/providers"];

/** `upgrade list-releases` prints the images of a registry that this machine could be upgraded to. */
export function listReleases(
  machine: AskedMachine,
  words: readonly string[],
): AgentAnswer | undefined {
  const parsed = parseGoFlags(words, {
    output: "value",
    registry: "value",
    pre: "switch",
    all: "switch",
  });
  const { files } = machine.system;
  if (machine.original !== undefined && hasProvider(files)) return undefined;
  const inImage = releaseValue(files, "REGISTRY_AND_ORG");
  const registry = inImage ?? valueOf(parsed, "registry") ?? REGISTRY;
  const options = { all: isOn(parsed, "all"), pre: isOn(parsed, "pre") };
  return {
    kind: "work",
    work: (around) => {
      if (inImage !== undefined) around.print(linesOf(DEPRECATED));
      around.print(`Using registry: ${registry}\n`);
      return print(machine, { ...options, registry }, around);
    },
  };
}

function hasProvider(files: Files): boolean {
  return PROVIDERS.some((folder) =>
    files.list(folder).some((name) => name.startsWith("agent-provider-")),
  );
}

async function print(
  machine: AskedMachine,
  options: ReleaseOptions & { readonly registry: string },
  around: WorkSurroundings,
): Promise<number> {
  try {
    const artifact = artifactOf(machine.system.files);
    const repository = repositoryOf(artifact, options.registry);
    around.print(`Current image:\n${repository}:${tagOf(artifact)}\n\n`);
    const title = options.all ? "(all)" : "with higher version";
    around.print(`Available releases ${title}:\n`);
    const { tagsFrom } = await import("../../machine/open-source.ts");
    const { system } = machine;
    const work = { system, talk: SILENT, signal: around.signal };
    const network = { insecureRegistries: plainRegistries(repository) };
    const found = releasesAmong(await tagsFrom(work, repository, network), artifact, options);
    const images = found.map((tag) => `${repository}:${tag}`);
    around.print(linesOf(images.length === 0 ? ["No newer releases found"] : images));
    return 0;
  } catch (error) {
    around.print(`${reasonOf(error)}\n`);
    return STATUS.error;
  }
}

function artifactOf(files: Files): Artifact {
  try {
    return readArtifact(files);
  } catch (error) {
    throw new Error(`creating an Artifact from kairos-release: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

function linesOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}
