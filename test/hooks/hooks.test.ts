import { expect, test } from "bun:test";
import { HOOKS } from "../../src/hooks/hooks.ts";

const FILES = HOOKS.flatMap(({ name, files }) => files.map((file) => ({ hook: name, ...file })));

test("each hook has its own name", () => {
  const names = HOOKS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

test.each(FILES.map((file) => [file.path, file] as const))(
  "%s is an absolute path in a known folder with one content",
  (path, file) => {
    expect(path).toMatch(/^\/(usr|etc|oem|system\/oem)\/[\w./-]+$/);
    // Two hooks with the same path have the same text.
    expect(new Set(FILES.filter((one) => one.path === path).map(({ text }) => text)).size).toBe(1);
    expect(file.text).toEndWith("\n");
  },
);

test.each(FILES.map((file) => [file.path, file] as const))(
  "%s is executable if it is a script",
  (_, { mode, text, path }) => {
    // mkinitcpio sources the files in its folder "install".
    const runs = text.startsWith("#!") && !path.includes("/initcpio/install/");
    expect(mode).toBe(runs ? 0o755 : 0o644);
  },
);

test.each(HOOKS.map((hook) => [hook.name, hook] as const))(
  "the links of %s point to its files",
  (_, { files, links }) => {
    for (const { path, target } of links) {
      const folder = path.slice(0, path.lastIndexOf("/"));
      const { pathname } = new URL(target, `file://${folder}/`);
      expect(files.map((file) => file.path)).toContain(pathname);
    }
  },
);

const textOf = (path: string): string => {
  const file = FILES.find((one) => one.path.endsWith(path));
  if (file === undefined) throw new Error(`no ${path}`);
  return file.text;
};

test("the files that reboot check first whether the boot is counted", () => {
  expect(textOf("tandem-overdue.service")).toContain(
    "\nConditionKernelCommandLine=|tandem.left\nConditionKernelCommandLine=|tandem.counted\n",
  );
  expect(textOf("tandem-overdue.service")).toContain(
    "\nConditionKernelCommandLine=!tandem.uncounted\n",
  );
  expect(textOf("tandem-health.service")).not.toContain("FailureAction");
});
