import { expect, test } from "bun:test";
import { listTags } from "../../src/oci/tags.ts";
import { tagsOf } from "../../src/source/source.ts";
import { memoryFiles } from "../fakes/files.ts";
import { FakeRegistry } from "../fakes/registry.ts";
import { rejection } from "../fakes/source.ts";

const LIST = "/v2/ns/app/tags/list";
const tags = (registry: FakeRegistry): Promise<string[]> =>
  tagsOf(`${registry.host}/ns/app`, {
    architecture: "amd64",
    insecureRegistries: [],
    environment: {},
    files: memoryFiles({}),
    log: () => {},
    userId: 0,
    sleep: () => Promise.resolve(),
  });
const page = (names: readonly string[] | null, link?: string) => (): Response =>
  Response.json({ name: "ns/app", tags: names }, { headers: link === undefined ? {} : { link } });

test("tagsOf() follows the pages to the last one", async () => {
  await using registry = new FakeRegistry();
  registry.script(
    LIST,
    page(["a", "b"], `<${LIST}?last=b&n=2>; rel="next"`),
    page(["c"], `<https://other.example${LIST}?last=c&n=2>; rel=next`),
    page(null),
  );
  expect(await tags(registry)).toEqual(["a", "b", "c"]);
  expect(registry.requests.map(({ query }) => query.get("last"))).toEqual([null, "b", "c"]);
});

test.each([
  ["<?>", undefined],
  ['</v2/x/tags/list?last=a>; rel="prev"', undefined],
  ['</v2/x/tags/list>; rel="next"', undefined],
])("a link %j ends the list", async (link) => {
  await using registry = new FakeRegistry();
  registry.script(LIST, page(["a"], link));
  expect(await tags(registry)).toEqual(["a"]);
});

test("tagsOf() asks again after a failure that may pass", async () => {
  await using registry = new FakeRegistry();
  registry.script(LIST, () => new Response("", { status: 503 }), page(["a"]));
  expect(await tags(registry)).toEqual(["a"]);
});

test("tagsOf() tells why there is no list", async () => {
  await using registry = new FakeRegistry();
  expect(await rejection(tags(registry))).toMatchObject({
    code: "source",
    message: expect.stringContaining("Cannot fetch the tags of"),
  });
  registry.script(LIST, () => Response.json({ tags: [1] }));
  expect(await rejection(tags(registry))).toMatchObject({
    code: "content",
    message: expect.stringContaining("Cannot use the list of tags of"),
  });
});

test("listTags() ends at a registry that never does", async () => {
  const bytes = new TextEncoder().encode('{"tags":["a"]}');
  const endless = {
    name: "r.io/app",
    tagPage: () => Promise.resolve({ bytes, link: '<?last=a>; rel="next"' }),
  };
  expect(await rejection(listTags(endless))).toMatchObject({
    code: "content",
    message: "Cannot list the tags of r.io/app: they have more than 200 pages",
  });
});
