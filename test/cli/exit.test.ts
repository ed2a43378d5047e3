import { expect, test } from "bun:test";
import { EXIT } from "../../src/cli/exit.ts";
import { overview } from "../../src/cli/overview.ts";

const WANT = Object.entries(EXIT).map(([code, status]) => ({ status, code }));

test("EXIT has a different status for each code, and none is 0", () => {
  const statuses = Object.values(EXIT);
  expect(new Set(statuses).size).toBe(statuses.length);
  expect(statuses.every((status) => status > 0 && status < 256)).toBe(true);
});

test("the table in README.md has every status, and no other", async () => {
  const readme = await Bun.file("README.md").text();
  const rows = [...readme.matchAll(/^\| (\d+) \| ([a-z-]*) ?\| (.+) \|$/gm)].map(
    ([, status = "", code = "", meaning = ""]) => ({ status: Number(status), code, meaning }),
  );
  const [done, ...errors] = rows;
  expect(done).toMatchObject({ status: 0, code: "" });
  expect(errors.map(({ status, code }) => ({ status, code }))).toEqual(WANT);
  expect(errors.every(({ meaning }) => meaning.length > 5)).toBe(true);
});

test("the overview lists every status, and no other", () => {
  const line = /^Exit statuses: (.*)$/m.exec(overview([]))?.[1] ?? "";
  const [done, ...errors] = line.split(", ");
  expect(done).toBe("0 done or nothing to do");
  expect(errors).toEqual(WANT.map(({ status, code }) => `${status} ${code}`));
});
