import { HOOKS, type HookFile } from "../../hooks/hooks.ts";
import { findHook, hookFiles, type HookSettings, installHook } from "../../hooks/install.ts";
import { TandemError } from "../../lib/error.ts";
import { loadImageConfig } from "../config.ts";
import { type Context, print } from "../context.ts";
import { list } from "../values.ts";
import { defineVerb } from "../verb.ts";

export const hooks = defineVerb({
  name: "hooks",
  description: "List, print or install the units and scripts that run tandem in an image",
  args: {
    action: { type: "positional", required: true, description: "list, print or install" },
    names: {
      type: "positional",
      required: false,
      description: "Hooks, separated by commas, such as systemd,dracut",
    },
    root: {
      type: "string",
      description:
        "The root folder of the image; / if not given. Its configuration is used instead of this machine's",
    },
  },
  run(context, { action, names, root = "/" }) {
    const chosen = list(names).map((name) => findHook(name));
    if (action !== "list" && chosen.length === 0)
      throw new TandemError("usage", `Cannot ${action} hooks: none is named`, {
        hint: "See tandem hooks list.",
      });
    if (action === "list") showAll(context);
    else if (action === "print")
      print(
        context,
        { files: chosen.flatMap((hook) => hookFiles(hook, settingsFor(context, root))) },
        ({ files }) => files.map((file) => fileText(file)).join("\n"),
      );
    else if (action === "install") {
      const options = { root, settings: settingsFor(context, root) };
      const paths = chosen.flatMap((hook) => installHook(context.system, hook, options));
      print(context, { paths: [...new Set(paths)] }, (written) => written.paths.join("\n"));
      for (const { next } of chosen) if (next !== undefined) context.talk.info(next);
    } else
      throw new TandemError(
        "usage",
        `Cannot do "${action}" with hooks: want list, print or install`,
      );
    return Promise.resolve();
  },
});

function showAll(context: Context): void {
  const rows = HOOKS.map(({ name, description, files, next }) => ({
    name,
    description,
    files: files.map(({ path }) => path),
    ...(next === undefined ? {} : { next }),
  }));
  print(context, { hooks: rows }, (all) =>
    all.hooks.map(({ name, description }) => `${name.padEnd(16)}${description}`).join("\n"),
  );
}

function fileText({ path, mode, text }: HookFile): string {
  return `### ${path} (mode ${mode.toString(8)})\n${text}`;
}

/** The hooks run in the image, so its own configuration is used instead of this machine's. --config still wins. */
function settingsFor({ system, globals, config }: Context, root: string): HookSettings {
  const image = globals.config === undefined ? loadImageConfig(system, root) : undefined;
  const { health, watchdog } = image ?? config;
  return {
    watchdogDevice: watchdog.device,
    watchdogSeconds: watchdog.seconds,
    overdueSeconds: health.overdueSeconds,
  };
}
