import { NdjsonLines } from '../codec/ndjson/ndjson-lines.ts';
import { RecordDecoders } from '../codec/record-decoder.ts';
import { BridgeError, hasCode } from '../contract/errors.ts';
import { parseSelector } from '../lib/selector.ts';
import type { QueueRecord } from '../model/batch.ts';
import { ItemSelector } from '../pipeline/selector/item-selector.ts';

/** Gives the items of records that are meant, as lines of the `file` output. Records that cannot be decoded have none. Throws BRIDGE_DECODE at a wrong selector. */
export function itemLines(match: string | undefined): (records: readonly QueueRecord[]) => readonly Buffer[] {
  const decode = new RecordDecoders();
  const lines = new NdjsonLines(decode);
  const { selector, fault } = parseSelector(match ?? '{}');
  if (selector === undefined) {
    throw new BridgeError('BRIDGE_DECODE', fault.message);
  }
  const items = new ItemSelector(selector, decode);
  return (records) =>
    records.flatMap((record) => {
      try {
        return lines.of(record, items.meant(record).isMeant);
      } catch (error) {
        if (hasCode(error, 'BRIDGE_DECODE')) {
          return [];
        }
        throw error;
      }
    });
}
