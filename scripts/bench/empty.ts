/** A program that does nothing: what starting Bun costs. */
process.exitCode = 0;
