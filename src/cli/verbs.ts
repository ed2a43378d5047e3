import type { Verb } from "./verb.ts";
import { config } from "./verbs/config.ts";
import { doctor } from "./verbs/doctor.ts";
import { health } from "./verbs/health.ts";
import { hooks } from "./verbs/hooks.ts";
import { mark } from "./verbs/mark.ts";
import { repair } from "./verbs/repair.ts";
import { report } from "./verbs/report.ts";
import { rollback } from "./verbs/rollback.ts";
import { status } from "./verbs/status.ts";
import { upgrade } from "./verbs/upgrade.ts";
import { verify } from "./verbs/verify.ts";
import { version } from "./verbs/version.ts";
import { watchdog } from "./verbs/watchdog.ts";
import { why } from "./verbs/why.ts";
import { write } from "./verbs/write.ts";

export const verbs: readonly Verb[] = [
  upgrade,
  status,
  why,
  rollback,
  mark,
  health,
  watchdog,
  hooks,
  verify,
  write,
  doctor,
  repair,
  report,
  config,
  version,
];
