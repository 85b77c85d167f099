import { BridgeError } from '../../../contract/errors.ts';
import { checkFrame } from '../../../record/frame.ts';
import type { FileCache } from '../file-cache.ts';
import type { BlockPlace } from './block-format.ts';
import { recordBytesOf } from './block-scan.ts';

/** The payload of a block as it stands on disk. Throws BRIDGE_CORRUPT when the record is not what was written. */
export function readPayload(files: FileCache, path: string, place: BlockPlace): Buffer {
  const bytes = recordBytesOf(place);
  const record = files.read(path, place.offset, bytes);
  const check = checkFrame(record, 0);
  if (check.kind !== 'record' || check.end !== bytes) {
    throw new BridgeError('BRIDGE_CORRUPT', 'a block fails its checksum');
  }
  return record.subarray(check.payloadAt);
}
