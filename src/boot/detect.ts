import { defined } from "../lib/assert.ts";
import { TandemError } from "../lib/error.ts";
import type { TandemEsp } from "./esp/choose-esp.ts";
import type { Esp } from "./esp/esp.ts";
import type { Evidence, Loader } from "./loader.ts";

export interface Detected {
  readonly loader: Loader;
  /** How it is known that the disk has this loader, for people. */
  readonly seen: string;
}

/** The loader with the name `choice`, or with "auto" the one that the disk has. Throws `boot` when there is none, or more than one. */
export function detectLoader(
  loaders: readonly Loader[],
  choice: string,
  openEsp: TandemEsp["open"],
): Detected {
  // The ESP is not opened: it may be unreadable, and the loader may not need it.
  if (choice !== "auto") {
    const loader = loaders.find(({ name }) => name === choice);
    return { loader: defined(loader, `boot loader ${choice}`), seen: "it is configured" };
  }
  const esp = openEsp({ write: false });
  try {
    return detectOn(esp, loaders);
  } finally {
    esp?.close();
  }
}

interface Claim extends Evidence {
  readonly loader: Loader;
}

function detectOn(esp: Esp | undefined, loaders: readonly Loader[]): Detected {
  const claims = loaders.flatMap((loader): Claim[] => {
    const evidence = loader.detect(esp);
    return evidence === undefined ? [] : [{ loader, ...evidence }];
  });
  const sure = claims.filter(({ isSure }) => isSure);
  const strongest = sure.length > 0 ? sure : claims;
  const seen = strongest.flatMap((claim) => claim.seen).join(", ");
  const [first, ...others] = strongest;
  if (first !== undefined && others.length === 0) return { loader: first.loader, seen };
  const name = esp?.name ?? "the disk";
  const titles = strongest.map(({ loader }) => loader.title).join(" and ");
  const why =
    first === undefined
      ? `${name} has neither ${loaders.map(({ lookedFor }) => lookedFor).join(" nor ")}`
      : `${name} has files of both ${titles}: ${seen}`;
  throw new TandemError("boot", `Cannot tell which boot loader the disk has: ${why}`, {
    hint: `Name it in the configuration: bootloader: ${loaders.map(({ name: one }) => one).join(" or ")}.`,
  });
}
