import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { seededBits } from '../zipkin/random.ts';

const seed = 20_261_121;
const fragmentBytes = 16_384;
const startMs = Date.UTC(2026, 10, 21, 9);
const services = ['productpage', 'details', 'reviews', 'ratings'];
const paths = [
  '/productpage?u=normal',
  '/details/0',
  '/reviews/0',
  '/ratings/0',
  '/static/bootstrap/js/bootstrap.min.js',
];

export interface Corpus {
  readonly bytes: number;
  readonly records: number;
}

/**
 * Files of CRI lines in the kubelet's layout, some 217 bytes a line: Envoy's access log as text and as JSON, applications' lines
 * with and without a level; 1 % of the records are long enough for the runtime to have split them.
 */
export function writeCorpus(root: string, files: number, totalBytes: number): Corpus {
  const maker = new LineMaker();
  let bytes = 0;
  let records = 0;
  for (let file = 0; file < files; file++) {
    const directory = join(root, `bench_pod-${file}_00000000-0000-4000-8000-${String(file).padStart(12, '0')}`, 'app');
    mkdirSync(directory, { recursive: true });
    const descriptor = openSync(join(directory, '0.log'), 'w');
    for (let written = 0; written < totalBytes / files; ) {
      let block = '';
      while (block.length < 1_048_576 && written + block.length < totalBytes / files) {
        block += maker.record();
        records += 1;
      }
      writeSync(descriptor, block);
      written += block.length;
      bytes += block.length;
    }
    closeSync(descriptor);
  }
  return { bytes, records };
}

export class LineMaker {
  readonly #bits = seededBits(seed);
  #count = 0;

  /** One record as the runtime writes it; a split one is several lines. */
  record(): string {
    const bits = this.#bits();
    const text = bits % 10_000 === 0 ? this.#text(bits).repeat(120) : this.#text(bits);
    const stream = bits % 16 === 0 ? 'stderr' : 'stdout';
    let lines = '';
    for (let at = 0; at + fragmentBytes < text.length; at += fragmentBytes) {
      lines += `${this.#time()} ${stream} P ${text.slice(at, at + fragmentBytes)}\n`;
    }
    if (bits % 100 === 1) {
      lines += `${this.#time()} ${stream} P ${text.slice(0, 40)}\n`;
      return `${lines}${this.#time()} ${stream} F ${text.slice(40)}\n`;
    }
    const rest = text.length - (text.length > fragmentBytes ? text.length % fragmentBytes : text.length);
    return `${lines}${this.#time()} ${stream} F ${text.slice(rest)}\n`;
  }

  #time(): string {
    this.#count += 1;
    const at = new Date(startMs + this.#count / 5).toISOString().slice(0, -1);
    return `${at}${String(this.#bits() % 1_000_000).padStart(6, '0')}Z`;
  }

  #text(bits: number): string {
    const id = `${hex(this.#bits())}${hex(this.#bits())}${hex(this.#bits())}${hex(this.#bits())}`;
    const service = services[bits % services.length];
    const path = paths[(bits >>> 4) % paths.length];
    const ms = (bits >>> 8) % 500;
    switch ((bits >>> 12) % 4) {
      case 0:
        return `[2026-11-21T09:39:00.695Z] "GET ${path} HTTP/1.1" 200 - via_upstream - "-" 0 ${bits % 9_999} ${ms} ${ms} "-" "Mozilla/5.0" "${id}" "${service}:9080" "10.244.0.7:9080" inbound|9080||`;
      case 1:
        return `{"start_time":"2026-11-21T09:39:00.695Z","method":"GET","path":"${path}","response_code":200,"duration":${ms},"request_id":"${id}","authority":"${service}:9080"}`;
      case 2:
        return `{"level":"info","time":"2026-11-21T09:39:00.695Z","logger":"${service}","trace_id":"${id}","msg":"handled ${path} in ${ms} ms, cache ${bits % 3 === 0 ? 'hit' : 'miss'}"}`;
      default:
        return `2026-11-21 09:39:00,695 ${bits % 50 === 0 ? 'ERROR' : 'INFO'} [worker-${bits % 64}] c.e.bookinfo.${service} - request ${id} for ${path} took ${ms} ms, user=user-${bits % 5_000} session kept alive`;
    }
  }
}

function hex(bits: number): string {
  return bits.toString(16).padStart(8, '0');
}
