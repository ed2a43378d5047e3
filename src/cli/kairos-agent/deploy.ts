import { TandemError } from "../../lib/error.ts";
import type { Work } from "../../machine/open-source.ts";
import { withMachine } from "../../machine/with-machine.ts";
import type { Source } from "../../source/source.ts";
import { upgradeFrom, type UpgradeReport } from "../../upgrade/upgrade.ts";
import type { Config } from "../config.ts";
import { openAgentSource } from "./open-agent-source.ts";
import type { TranslatedUpgrade } from "./upgrade-request.ts";

/** What is to be deployed, and the configuration of tandem. */
export interface Deployment {
  readonly translated: TranslatedUpgrade;
  readonly config: Config;
}

export type Deploy = (work: Work, deployment: Deployment) => Promise<UpgradeReport>;

/** Opens the disk, looks the image up, and upgrades. */
export const deployImage: Deploy = async (work, { translated, config }) => {
  const {
    request,
    source: { shown },
    isRecovery,
  } = translated;
  const { system, talk } = work;
  const options = { ...config, lock: true, allowNew: true };
  return withMachine({ system, talk }, options, async (machine) => {
    const source = await lookUp(() => openAgentSource(work, translated));
    try {
      const folder = isRecovery ? "/run/cos/recovery" : "/run/initramfs/cos-state";
      talk.info(`deploying image ${shown} to ${folder}/cOS/transition.img`);
      return await upgradeFrom(source, { work, machine, request });
    } finally {
      source.close();
    }
  });
};

/** The original looks an image up while it computes how much room the image needs. */
async function lookUp(open: () => Promise<Source>): Promise<Source> {
  try {
    const source = await open();
    if (source.kind === "layers") await source.image();
    return source;
  } catch (error) {
    if (!(error instanceof TandemError)) throw error;
    const { code, message, hint } = error;
    const text = `failed initializing spec: failed calculating size: ${message}`;
    const options = { cause: error.cause, ...(hint === undefined ? {} : { hint }) };
    throw new TandemError(code, text, options);
  }
}
