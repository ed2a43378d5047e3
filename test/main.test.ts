import { expect, test } from "bun:test";
import { tandem } from "./cli/tandem.ts";

test.concurrent.each([["--version"], ["-V"], ["version"], ["--debug --version"], ["-V --quiet"]])(
  "tandem %s prints one line",
  async (line) => {
    expect(await tandem(line.split(" "))).toEqual({
      status: 0,
      stdout: "tandem from source\n",
      stderr: "",
    });
  },
);

test("--version works even with an invalid configuration", async () => {
  const { status } = await tandem(["--version"], { TANDEM_TRIES: "many" });
  expect(status).toBe(0);
  const other = await tandem(["status"], { TANDEM_TRIES: "many" });
  expect(other).toMatchObject({ status: 2, stdout: "" });
  expect(other.stderr).toStartWith('tandem: Cannot use TANDEM_TRIES="many": ');
});
