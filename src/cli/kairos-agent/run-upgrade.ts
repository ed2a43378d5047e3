import { buildInfo } from "../../lib/build-info.ts";
import { reasonOf, TandemError } from "../../lib/error.ts";
import { parseAssignments } from "../../boot/image/os-release.ts";
import { adminProblem } from "../../kairos/admin-user.ts";
import { type KairosConfig, readKairosConfig } from "../../kairos/config.ts";
import { isList, valueAt } from "../../kairos/config-tree.ts";
import { noteUpgrade } from "../../kairos/lifecycle.ts";
import { type UpgradeConfig, upgradeConfigOf } from "../../kairos/upgrade-config.ts";
import { machineFailure } from "../../system/failure.ts";
import type { System } from "../../system/system.ts";
import type { UpgradeReport } from "../../upgrade/upgrade.ts";
import { loadConfig } from "../config.ts";
import { errorText } from "../error-text.ts";
import { EXIT } from "../exit.ts";
import { type AgentMachine, type AgentWork, STATUS } from "./agent-answer.ts";
import { AgentTalk } from "./agent-talk.ts";
import type { BootState } from "./boot-state.ts";
import { type Deploy, deployImage } from "./deploy.ts";
import { partitionState } from "./partition-state.ts";
import type { AgentUpgradeRequest } from "./upgrade.ts";
import { givenConfig, type TranslatedUpgrade, translateUpgrade } from "./upgrade-request.ts";
import { agentNumber } from "./version.ts";

export interface AskedUpgrade {
  readonly request: AgentUpgradeRequest;
  readonly debug: boolean;
  readonly notices: readonly string[];
  readonly bootState: BootState;
}

/** A running upgrade. */
interface AgentRun {
  readonly system: System;
  readonly talk: AgentTalk;
  readonly signal: AbortSignal;
  readonly deploy: Deploy;
}

/** Upgrades, with the messages and the exit status of the original. `deploy` does the work. */
export function upgradeWork(
  { system }: Pick<AgentMachine, "system">,
  asked: AskedUpgrade,
  deploy: Deploy = deployImage,
): AgentWork {
  return async ({ print, signal, export: exportTo }) => {
    for (const notice of asked.notices) print(`${notice}\n`);
    const given = readKairosConfig(system, givenConfig(asked.request));
    for (const warning of given.warnings) print(`${warning}\n`);
    const debug = asked.debug || isDebug(system, given);
    const talk = new AgentTalk(system, { print, debug });
    const running = { system, talk, signal, deploy };
    try {
      for (const [name, value] of environmentOf(given)) exportTo(name, value);
      introduce(running, asked.bootState);
      await perform(running, given);
      return 0;
    } catch (thrown) {
      const error = machineFailure(thrown) ?? thrown;
      explain(running, error);
      print(`${reasonOf(error)}\n`);
      return STATUS.error;
    } finally {
      talk.end();
    }
  };
}

function isDebug({ files, environment }: System, { values }: KairosConfig): boolean {
  return (
    values["debug"] === true ||
    environment["KAIROS_AGENT_DEBUG"] === "true" ||
    (files.readText("/proc/cmdline") ?? "").includes("rd.kairos.debug")
  );
}

/** Variables that the configuration wants to be set, such as those that name a proxy. */
function environmentOf({ values }: KairosConfig): readonly (readonly [string, string])[] {
  const list = valueAt(values, ["env"]);
  return (isList(list) ? list : []).flatMap((item) => {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(typeof item === "string" ? item : "") ?? [];
    return name === undefined || value === undefined ? [] : [[name, value] as const];
  });
}

function introduce({ system, talk }: AgentRun, bootState: BootState): void {
  talk.info(`Kairos Agent version=${agentNumber(buildInfo())}`);
  const release = ["/etc/kairos-release", "/etc/os-release"].map((path) =>
    parseAssignments(system.files.readText(path) ?? "").get("KAIROS_VERSION"),
  );
  const version = release.find((value) => value !== undefined && value !== "");
  if (version !== undefined) talk.info(`Kairos System version=${version}`);
  talk.info(`Boot Mode boot_mode=${bootState}`);
  talk.info("Boot in uki mode result=false");
}

/** What the original says is one line. The rest is in the log. */
function explain({ talk, signal }: AgentRun, error: unknown): void {
  talk.debug(error instanceof Error ? (error.stack ?? error.message) : String(error));
  const form = { debug: false, json: false, quiet: false };
  const [, ...more] = errorText(error, form).trimEnd().split("\n");
  for (const line of more) talk.info(line.trim());
  const code = signal.aborted ? "interrupted" : codeOf(error);
  talk.error(`Upgrade failed tandem_status=${EXIT[code]} tandem_error=${code}`);
}

function codeOf(error: unknown): keyof typeof EXIT {
  return error instanceof TandemError ? error.code : "unexpected";
}

async function perform(running: AgentRun, given: KairosConfig): Promise<void> {
  const { system, talk, deploy } = running;
  const problem = adminProblem(system, given.values);
  if (problem !== undefined) throw new TandemError("usage", problem);
  const config = loadConfig(system, {
    disk: undefined,
    config: undefined,
    json: false,
    debug: false,
    quiet: false,
  }).config;
  const wanted = upgradeConfigOf(given.values);
  const translated = translateUpgrade(system.files, wanted, config);
  refuseMissing(system, translated);
  const report = await deploy(running, { translated, config });
  talk.end();
  finish(running, translated, report);
  // A unit that upgrades at each boot would reboot again and again.
  if (report.outcome !== "nothing") await restart(running, wanted);
}

/** The original names what is missing by its own words. Where devices are not listed by label, opening them will tell. */
function refuseMissing(system: System, { isRecovery }: TranslatedUpgrade): void {
  const [label, name] = isRecovery ? ["COS_RECOVERY", "recovery"] : ["COS_STATE", "state"];
  if (partitionState(system, label)?.["found"] === false)
    throw new TandemError("disk", `sanitizing the upgrade spec: undefined ${name} partition`);
}

function finish(
  { system, talk }: AgentRun,
  { source, isRecovery }: TranslatedUpgrade,
  report: UpgradeReport,
): void {
  if (report.outcome === "nothing") talk.info(`Nothing to do: ${report.reason}`);
  talk.info("Upgrade completed");
  if (!isRecovery) {
    talk.warn(
      "Remember that recovery is upgraded separately by passing the --recovery flag to the upgrade command!\nSee more info about this on https://kairos.io/docs/upgrade/",
    );
    if (report.outcome !== "nothing") talk.info("Default boot entry set to cos");
  }
  if (report.outcome === "nothing") return;
  const folder = partitionState(system, "COS_PERSISTENT")?.["mount_point"];
  if (typeof folder !== "string" || folder === "") {
    talk.debug("persistent partition not available, skipping kairos state file update");
    return;
  }
  note({ system, talk }, folder, { source: source.noted, isRecovery });
}

function note(
  { system, talk }: Pick<AgentRun, "system" | "talk">,
  folder: string,
  { source, isRecovery }: { readonly source: string; readonly isRecovery: boolean },
): void {
  try {
    const what = isRecovery ? "recovery" : "active";
    const warning = noteUpgrade(system, folder, { what, source });
    if (warning !== undefined) talk.warn(warning);
  } catch (error) {
    talk.warn(`failed to update kairos state file: ${reasonOf(error)}`);
  }
}

/** So long the operator may still end the program. */
const GRACE_SECONDS = 5;
const POWER_OFF_SECONDS = 60;

async function restart(
  { system, talk, signal }: AgentRun,
  { reboot, powerOff }: UpgradeConfig,
): Promise<void> {
  if (!reboot && !powerOff) return;
  const what = reboot ? "Rebooting node" : "Powering off node";
  talk.info(`${what} in ${GRACE_SECONDS}s, press Ctrl+C to cancel`);
  await system.probe.pause(GRACE_SECONDS, signal);
  if (signal.aborted) throw new TandemError("interrupted", "Stopped on request before the end");
  if (reboot) {
    await system.reboot({
      force: false,
      wait: false,
      report: (text) => talk.warn(text),
      signal,
    });
    return;
  }
  const isOpenRc = system.files.exists("/run/openrc");
  const command = isOpenRc ? ["poweroff"] : ["shutdown", "now"];
  const { status, stderr } = await system.run(command, { deadlineSeconds: POWER_OFF_SECONDS });
  if (status !== 0)
    throw new TandemError("boot", `Cannot power the machine off: ${command[0]}: ${stderr.trim()}`);
}
