const HEADER = "# GRUB Environment Block\n";

/** A GRUB environment block of exactly `sizeBytes`, in the form of grub-editenv(1). */
export function envBlock(values: Readonly<Record<string, string>>, sizeBytes = 1024): Uint8Array {
  const lines = Object.entries(values).map(([key, value]) => `${key}=${escape(value)}\n`);
  const text = HEADER + lines.join("");
  if (text.length > sizeBytes) throw new Error(`Cannot fit ${text.length} bytes into ${sizeBytes}`);
  return new TextEncoder().encode(text.padEnd(sizeBytes, "#"));
}

function escape(value: string): string {
  return value.replaceAll(/[\\\n]/g, String.raw`\$&`);
}
