import type { RuntimeLine, RuntimeLineParser } from './runtime-line.ts';
import { TimestampReader } from './timestamp.ts';

const space = 32;
const colon = 58;
const partialTag = 80;
const fullTag = 70;
const streamBytes = 6;

/**
 * CRI logging format (kubernetes/design-proposals "kubelet-cri-logging"; containerd, CRI-O):
 * `<RFC 3339 ns> <stdout|stderr> <tags> <payload>`. Tags are separated by colons and only the first, P or F, has a meaning.
 * An empty payload may lack the space before it. The payload is bytes of any kind.
 */
export class CriLineParser implements RuntimeLineParser {
  readonly #timestamp = new TimestampReader();

  parse(bytes: Uint8Array, start: number, end: number, into: RuntimeLine): boolean {
    const stream = this.#timestamp.read(bytes, start, into);
    if (stream < 0 || stream >= end || bytes[stream] !== space || !readStream(bytes, stream + 1, into)) {
      return false;
    }
    const tag = stream + 1 + streamBytes + 1;
    if (tag >= end || bytes[tag - 1] !== space) {
      return false;
    }
    const first = bytes[tag];
    let at = tag + 1;
    if ((first !== partialTag && first !== fullTag) || (at < end && bytes[at] !== space && bytes[at] !== colon)) {
      return false;
    }
    while (at < end && bytes[at] !== space) {
      at += 1;
    }
    into.partial = first === partialTag;
    into.bytes = bytes;
    into.start = Math.min(at + 1, end);
    into.end = end;
    return true;
  }
}

/** `stdout` or `stderr`. */
function readStream(bytes: Uint8Array, at: number, into: RuntimeLine): boolean {
  if (bytes[at] !== 115 || bytes[at + 1] !== 116 || bytes[at + 2] !== 100) {
    return false;
  }
  if (bytes[at + 3] === 111 && bytes[at + 4] === 117 && bytes[at + 5] === 116) {
    into.stream = 0;
    return true;
  }
  into.stream = 1;
  return bytes[at + 3] === 101 && bytes[at + 4] === 114 && bytes[at + 5] === 114;
}
