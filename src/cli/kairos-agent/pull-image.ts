import { TandemError } from "../../lib/error.ts";
import { pullImage as pull } from "../../upgrade/pull-image.ts";
import { loadConfig } from "../config.ts";
import { type AgentAnswer, type AgentMachine, failed, STATUS } from "./agent-answer.ts";
import { AgentTalk } from "./agent-talk.ts";
import { parseGoFlags, valueOf } from "./go-flags.ts";
import { AGENT_HELP } from "./help.ts";
import { type AgentLine } from "./line.ts";
import { plainRegistries } from "./plain-registries.ts";

/** `pull-image IMAGE TARGET` unpacks an image into a folder. */
export function pullImage({ system }: AgentMachine, { words }: AgentLine): AgentAnswer {
  const parsed = parseGoFlags(words, { platform: "value" });
  if (system.userId !== 0) return failed(["this command requires root privileges"]);
  const [image, folder, ...more] = parsed.rest;
  // The original ends with an error without a text.
  if (image === undefined || folder === undefined || more.length > 0)
    return { kind: "print", stdout: `${AGENT_HELP}\n`, stderr: "", status: STATUS.error };
  const reference = image.replace(/^(?:oci|docker):(?:\/\/)?/, "");
  const architecture = valueOf(parsed, "platform")?.split("/")[1] ?? system.architecture;
  return {
    kind: "work",
    work: async ({ print, signal }) => {
      const talk = new AgentTalk(system, { print, debug: false });
      const { config } = loadConfig(system, {
        disk: undefined,
        config: undefined,
        json: false,
        debug: false,
        quiet: false,
      });
      try {
        talk.info(`Pulling image ${reference} to ${folder}`);
        await pull(
          { system: { ...system, architecture }, talk, signal },
          {
            source: `oci:${reference}`,
            folder,
            minimumRate: config.minimumRate,
            insecureRegistries: [...config.insecureRegistries, ...plainRegistries(reference)],
          },
        );
        talk.info("Image pulled");
        return 0;
      } catch (error) {
        if (!(error instanceof TandemError)) throw error;
        print(`${error.message}\n`);
        return STATUS.error;
      } finally {
        talk.end();
      }
    },
  };
}
