/** The offset and size of a little-endian number in an on-disk record. */
export interface RecordField {
  readonly offset: number;
  readonly bytes: 1 | 2 | 4;
}

export const u8 = (offset: number): RecordField => ({ offset, bytes: 1 });
export const u16 = (offset: number): RecordField => ({ offset, bytes: 2 });
export const u32 = (offset: number): RecordField => ({ offset, bytes: 4 });

/**
 * Stores the low bits of `value`. For a wider number call it once for each field. `record` begins at the record's
 * start.
 */
export function put(record: DataView, field: RecordField, value: number): void {
  if (field.bytes === 4) record.setUint32(field.offset, value, true);
  else if (field.bytes === 2) record.setUint16(field.offset, value, true);
  else record.setUint8(field.offset, value);
}

/** Reads the number in a field. */
export function get(record: DataView, field: RecordField): number {
  if (field.bytes === 4) return record.getUint32(field.offset, true);
  return field.bytes === 2 ? record.getUint16(field.offset, true) : record.getUint8(field.offset);
}

/** Stores several fields of one table by their names. */
export function putAll<Table extends Readonly<Record<string, RecordField>>>(
  record: DataView,
  table: Table,
  values: Readonly<Partial<Record<keyof Table & string, number>>>,
): void {
  for (const [name, value] of Object.entries<number | undefined>(values)) {
    const field = table[name];
    if (field !== undefined && value !== undefined) put(record, field, value);
  }
}
