/** A version in the form of Go's modules: "v1.2.3-rc1", where the later numbers may be missing. */
interface Version {
  readonly numbers: readonly bigint[];
  /** "rc1" of "v1.2.3-rc1". */
  readonly pre: readonly string[];
}

const FORM =
  /^v(?<numbers>(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){0,2})(?:-(?<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?$/;

/** Less than 0 when the first version is the lower one. What is no version is lower than each version. */
export function compareVersions(one: string, other: string): number {
  const [left, right] = [parse(one), parse(other)];
  if (left === undefined || right === undefined)
    return Number(left !== undefined) - Number(right !== undefined);
  for (const index of [0, 1, 2]) {
    const order = compare(left.numbers[index] ?? 0n, right.numbers[index] ?? 0n);
    if (order !== 0) return order;
  }
  return comparePre(left.pre, right.pre);
}

/** Whether it is a version before the release: "v1.2.3-rc1". */
export function isPrerelease(text: string): boolean {
  return (parse(text)?.pre.length ?? 0) > 0;
}

function parse(text: string): Version | undefined {
  const found = FORM.exec(text)?.groups;
  if (found === undefined) return undefined;
  const { numbers = "", pre } = found;
  return { numbers: numbers.split(".").map(BigInt), pre: pre?.split(".") ?? [] };
}

/** A release is higher than its prereleases. Numbers are lower than words. */
function comparePre(one: readonly string[], other: readonly string[]): number {
  if (one.length === 0 || other.length === 0)
    return Number(one.length === 0) - Number(other.length === 0);
  for (const [index, left] of one.entries()) {
    const right = other[index];
    if (right === undefined) return 1;
    const order = compareIdentifiers(left, right);
    if (order !== 0) return order;
  }
  return one.length - other.length;
}

function compareIdentifiers(one: string, other: string): number {
  const [left, right] = [one, other].map((text) => /^\d+$/.test(text));
  if (left === true && right === true) return compare(BigInt(one), BigInt(other));
  return left === right ? compare(one, other) : left === true ? -1 : 1;
}

function compare<T extends bigint | string>(one: T, other: T): number {
  return one === other ? 0 : one < other ? -1 : 1;
}
