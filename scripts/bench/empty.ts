/** A program that does nothing, to measure the start of Bun. */
process.exitCode = 0;
