import { type ConfigTree, isList, isMap } from "../../kairos/config-tree.ts";

/** A value in the form in which Go prints it, which scripts see in the answers of the original. */
export function goText(value: ConfigTree | undefined): string {
  if (value === undefined || value === null) return "<nil>";
  if (typeof value === "number") return goNumber(value);
  if (isList(value)) return `[${value.map((item) => goText(item)).join(" ")}]`;
  if (!isMap(value)) return String(value);
  const keys = Object.keys(value).toSorted();
  return `map[${keys.map((key) => `${key}:${goText(value[key])}`).join(" ")}]`;
}

/** Go has read the number from JSON as a float, and prints large ones with an exponent. */
function goNumber(value: number): string {
  if (value === 0 || (Math.abs(value) >= 1e-4 && Math.abs(value) < 1e21 && isShort(value)))
    return String(value);
  const [mantissa = "", exponent = ""] = value.toExponential().split("e");
  return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
}

/** Whether its first digit stands for less than a million. */
function isShort(value: number): boolean {
  return Math.abs(value) < 1e6;
}
