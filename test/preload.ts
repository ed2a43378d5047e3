/** Runs before the tests of each file: no test sees the host. */
import { forgetHost } from "./peers/alone.ts";

forgetHost();
