import { type ArgsDef, defineCommand, type ParsedArgs, renderUsage, runCommand } from "citty";
import type { Context } from "./context.ts";
import { strictArguments } from "./strict.ts";

/** A command of tandem: "upgrade", "status". */
export interface Verb {
  readonly name: string;
  readonly description: string;
  /** Whether the verb runs with the defaults when the configuration cannot be used. */
  readonly worksWithBadConfig: boolean;
  usage(): Promise<string>;
  run(context: Context, args: readonly string[]): Promise<void>;
}

interface VerbDefinition<A extends ArgsDef> {
  readonly name: string;
  readonly description: string;
  readonly args: A;
  readonly worksWithBadConfig?: boolean;
  run(context: Context, args: ParsedArgs<A>): Promise<void>;
}

/** Makes a verb with citty's parser. Unknown arguments are refused, which citty alone does not do. */
export function defineVerb<const A extends ArgsDef>(definition: VerbDefinition<A>): Verb {
  const { name, description, args, worksWithBadConfig = false } = definition;
  const meta = { name, description };
  return {
    name,
    description,
    worksWithBadConfig,
    async usage() {
      const text = await renderUsage(defineCommand({ meta, args }), { meta: { name: "tandem" } });
      return process.stdout.isTTY ? text : Bun.stripANSI(text);
    },
    async run(context, rawArgs) {
      const command = defineCommand({
        meta,
        args,
        run: (parsed) => definition.run(context, parsed.args),
      });
      await runCommand(command, { rawArgs: strictArguments(name, rawArgs, args) });
    },
  };
}
