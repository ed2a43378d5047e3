/**
 * Compares two kernel versions as dpkg(1) does: runs of digits by value, other runs by character, "~" before all others and also before
 * the end. A release candidate ("6.12-rc1") comes before its release. Returns a number below 0, 0 or above 0, for Array.sort.
 */
export function compareVersions(left: string, right: string): number {
  const [lefts, rights] = [runsOf(left), runsOf(right)];
  for (let index = 0; index < Math.max(lefts.length, rights.length); index += 1) {
    const order = compareRuns(lefts[index] ?? "", rights[index] ?? "");
    if (order !== 0) return order;
  }
  return 0;
}

/** Runs of other characters and runs of digits alternate. The first run has other characters, or is empty. */
function runsOf(version: string): string[] {
  return version.replaceAll(/-rc(?=\d)/g, "~rc").split(/(\d+)/);
}

function compareRuns(left: string, right: string): number {
  if (/^\d/.test(left) || /^\d/.test(right)) return compareNumbers(left, right);
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const order = rank(left[index]) - rank(right[index]);
    if (order !== 0) return order;
  }
  return 0;
}

/** Compares digits of any length. A version with digits comes after a version that has ended. */
function compareNumbers(left: string, right: string): number {
  const [one, other] = [BigInt(left || "0"), BigInt(right || "0")];
  if (one === other)
    return left.length === right.length ? 0 : Math.sign(left.length - right.length);
  return one < other ? -1 : 1;
}

function rank(char: string | undefined): number {
  if (char === undefined) return 0;
  if (char === "~") return -1;
  return /[a-z]/i.test(char) ? char.charCodeAt(0) : char.charCodeAt(0) + 256;
}
