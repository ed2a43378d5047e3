import { expect, test } from "bun:test";
import { listReleases } from "../../../src/cli/kairos-agent/list-releases.ts";
import { FakeRegistry } from "../../fakes/registry.ts";
import { type AgentSetup, agentMachine, words } from "./machine.ts";

const RELEASE = [
  "KAIROS_FLAVOR=debian",
  "KAIROS_FLAVOR_RELEASE=12",
  "KAIROS_VARIANT=core",
  "KAIROS_TARGETARCH=amd64",
  "KAIROS_MODEL=generic",
  "KAIROS_RELEASE=v0.1.0",
].join("\n");
const FILES = { "/etc/kairos-release": RELEASE };
const NEW = "12-core-amd64-generic-v0.2.0";
const OLD = "12-core-amd64-generic-v0.1.0";

async function run(line: string, setup: AgentSetup = { files: FILES }) {
  const answer = listReleases(agentMachine(setup), words(line));
  if (answer?.kind !== "work") return { answer, text: "", status: undefined };
  let text = "";
  const print = (part: string): void => void (text += part);
  const { signal } = new AbortController();
  return { answer, status: await answer.work({ print, signal, export: () => {} }), text };
}

function registryWith(tags: readonly string[]): FakeRegistry {
  const registry = new FakeRegistry();
  registry.script("/v2/os/debian/tags/list", () => Response.json({ tags }));
  return registry;
}

test("list-releases prints the registry, the running image and newer ones", async () => {
  await using registry = registryWith([OLD, NEW]);
  const { text, status } = await run(`--registry ${registry.host}/os --output json`);
  const repository = `${registry.host}/os/debian`;
  expect(text).toBe(
    `Using registry: ${registry.host}/os\nCurrent image:\n${repository}:${OLD}\n\nAvailable releases with higher version:\n${repository}:${NEW}\n`,
  );
  expect(status).toBe(0);
});

test("list-releases --all without another release", async () => {
  await using registry = registryWith([OLD]);
  const { text } = await run(`--all --registry=${registry.host}/os`);
  expect(text).toEndWith("\n\nAvailable releases (all):\nNo newer releases found\n");
});

test("the registry of the image wins over the flag", async () => {
  await using registry = registryWith([NEW]);
  const files = {
    "/etc/kairos-release": `${RELEASE}\nKAIROS_REGISTRY_AND_ORG=${registry.host}/os\n`,
  };
  const { text } = await run("--registry r.invalid/x", { files });
  expect(text).toStartWith("Warning: The 'REGISTRY_AND_ORG' OS release variable is deprecated.");
  expect(text).toContain(`\nUsing registry: ${registry.host}/os\n`);
  expect(text).toContain(NEW);
});

test("list-releases fails with what is missing, or with the answer of the registry", async () => {
  expect(await run("--registry 127.0.0.1:1/os", {})).toMatchObject({
    status: 1,
    text: "Using registry: 127.0.0.1:1/os\ncreating an Artifact from kairos-release: open /etc/kairos-release: no such file or directory\n",
  });
  await using registry = new FakeRegistry();
  expect(await run(`--registry ${registry.host}/os`)).toMatchObject({
    status: 1,
    text: expect.stringContaining("\nCannot fetch the tags of"),
  });
});

test("a provider may name releases, so the original is asked", async () => {
  const files = { ...FILES, "/system/providers/agent-provider-x": "" };
  expect(await run("", { files, original: true })).toMatchObject({ answer: undefined });
  expect(await run("--registry 127.0.0.1:1/os", { files: {} })).toMatchObject({ status: 1 });
});
