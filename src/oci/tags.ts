import * as v from "valibot";

import { TandemError } from "../lib/error.ts";
import { parseAs, parseJson } from "./json.ts";

/** A page of a list of tags, as the registry sends it. */
export interface TagPage {
  readonly bytes: Uint8Array;
  /** The header that names the next page. Undefined on the last one. */
  readonly link: string | undefined;
}

/** What the list is fetched from: Registry. */
export interface TagPages {
  /** The reference, for messages. */
  readonly name: string;
  tagPage(query: string): Promise<TagPage>;
}

/** Registries send 100 to 1000 tags a page. More pages than this come from a registry that names the same one again. */
const PAGES_MAX = 200;

/** Some registries give null instead of an empty list. */
const schema = v.looseObject({ tags: v.nullish(v.array(v.string()), []) });

/** All tags of a repository, in the registry's order (distribution-spec "Listing Tags"). */
export async function listTags(registry: TagPages): Promise<string[]> {
  const tags: string[] = [];
  let query: string | undefined = "";
  for (let pages = 0; query !== undefined; pages += 1) {
    if (pages === PAGES_MAX)
      throw new TandemError(
        "content",
        `Cannot list the tags of ${registry.name}: they have more than ${PAGES_MAX} pages`,
      );
    const { bytes, link } = await registry.tagPage(query);
    const what = `the list of tags of ${registry.name}`;
    tags.push(...parseAs(schema, parseJson(bytes, what), what).tags);
    query = nextQuery(link);
  }
  return tags;
}

/**
 * The query of the next page: `<…?last=x&n=1000>; rel="next"`. Only the query is used: the address may be of another
 * host, which must not get credentials.
 */
function nextQuery(link: string | undefined): string | undefined {
  const target = /<([^>]*)>\s*;\s*rel="?next"?/i.exec(link ?? "")?.[1];
  if (target === undefined || !URL.canParse(target, "https://registry.invalid/")) return undefined;
  const { search } = new URL(target, "https://registry.invalid/");
  return search === "" ? undefined : search;
}
