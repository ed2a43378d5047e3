/** Runs before the tests of each file: no test sees the host, and none draws what cannot be drawn again. */
import { configureGlobal } from "fast-check";
import { SEED } from "./faults/random.ts";
import { forgetHost } from "./peers/alone.ts";

forgetHost();
configureGlobal({ seed: SEED });
