/**
 * Takes remote-write 1.0, counts samples and throws them away, in a process of its own; each peer writes to a path of its own.
 * Of some series it reads the labels, and holds their values against what their targets serve.
 */
import { createServer } from 'node:http';
import { uncompressSync } from 'snappy';
import { clientName, keyOf, linesOf, type PagePlan, scrapesMost, servedValue, targetName } from './pages.ts';

export interface Received {
  /** Of series of the pages. */
  readonly samples: number;
  /** Such as `up`. */
  readonly reports: number;
  readonly stale: number;
  readonly requests: number;
  readonly bytes: number;
  /** Samples whose values were compared, and those that were not what their target served. */
  readonly checked: number;
  readonly wrong: number;
  /** The first few of them. */
  readonly examples: readonly string[];
}

export type ToSink =
  | { readonly ask: 'open' }
  | { readonly ask: 'peer'; readonly name: string; readonly plan: PagePlan; readonly targets: number }
  | { readonly ask: 'received'; readonly name: string };

/** Where the name's text begins in the first label, and how names of a page begin: istio_ and envoy_. */
const nameAt = 12;
const pageNames: readonly number[] = [0x69, 0x65];
/** One in so many series is looked at. A prime, so that over time all are. */
const checkEvery = 61;

class Counts {
  readonly #plan: PagePlan;
  readonly #ranks: ReadonlyMap<string, number>;
  readonly #targets: ReadonlyMap<string, number>;
  readonly #counts = { samples: 0, reports: 0, stale: 0, requests: 0, bytes: 0, checked: 0, wrong: 0 };
  readonly #examples: string[] = [];
  #seen = 0;

  constructor(plan: PagePlan, targets: number) {
    this.#plan = plan;
    this.#ranks = new Map(linesOf(plan).map((line) => [keyOf(line.name, clientName(line.client), line.le), line.rank]));
    this.#targets = new Map(Array.from({ length: targets }, (_, target) => [targetName(target), target]));
  }

  get received(): Received {
    return { ...this.#counts, examples: this.#examples };
  }

  request(body: Buffer, wireBytes: number): void {
    this.#counts.requests++;
    this.#counts.bytes += wireBytes;
    const walk = new Walk(body);
    while (walk.at < body.length) {
      const tag = walk.varint();
      const end = walk.varint() + walk.at;
      if (tag === 0x0a) {
        this.#series(body, walk.at, end);
      }
      walk.at = end;
    }
  }

  #series(body: Buffer, from: number, end: number): void {
    const walk = new Walk(body);
    walk.at = from;
    let labels = 0;
    let ofPage = false;
    let samples = 0;
    let stale = 0;
    let lastAt = -1;
    while (walk.at < end) {
      const tag = walk.varint();
      const next = walk.varint() + walk.at;
      if (tag === 0x0a) {
        ofPage ||= labels++ === 0 && pageNames.includes(body[walk.at + nameAt] ?? 0);
      } else if (tag === 0x12) {
        samples++;
        const found = valueAt(body, walk.at, next);
        lastAt = found;
        stale += isStale(body, found) ? 1 : 0;
      }
      walk.at = next;
    }
    this.#counts.stale += stale;
    this.#counts[ofPage ? 'samples' : 'reports'] += samples - stale;
    if (ofPage && samples > stale && ++this.#seen % checkEvery === 0) {
      this.#check(body, from, end, lastAt);
    }
  }

  #check(body: Buffer, from: number, end: number, at: number): void {
    const labels = labelsOf(body, from, end);
    const client = labels.get('source_workload') ?? '';
    if (client.startsWith('visitor-')) {
      return;
    }
    const rank = this.#ranks.get(keyOf(labels.get('__name__') ?? '', client, labels.get('le')));
    const target = this.#targets.get(labels.get('destination_workload') ?? '');
    const value = at < 0 ? 0 : body.readDoubleLE(at);
    const scrape = value - servedValue(target ?? Number.NaN, rank ?? Number.NaN, this.#plan.series, 0);
    this.#counts.checked++;
    if (!(scrape >= 1 && scrape < scrapesMost && Number.isInteger(scrape))) {
      this.#counts.wrong++;
      if (this.#examples.length < 3) {
        this.#examples.push(`${labels.get('__name__')}{${client}, le=${labels.get('le')}} = ${value}`);
      }
    }
  }
}

/** A moving place in protobuf bytes. */
class Walk {
  at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  varint(): number {
    let byte = this.#bytes[this.at++] ?? 0;
    let value = byte & 0x7f;
    for (let scale = 128; byte > 0x7f; scale *= 128) {
      byte = this.#bytes[this.at++] ?? 0;
      value += (byte & 0x7f) * scale;
    }
    return value;
  }
}

/** Where the value of a sample stands, or −1 where it is left out, being 0. */
function valueAt(body: Buffer, from: number, end: number): number {
  const walk = new Walk(body);
  walk.at = from;
  while (walk.at < end) {
    if (walk.varint() === 0x09) {
      return walk.at;
    }
    walk.varint();
  }
  return -1;
}

function isStale(body: Buffer, at: number): boolean {
  return at >= 0 && body.readUInt32LE(at + 4) === 0x7ff00000 && body.readUInt32LE(at) === 2;
}

function labelsOf(body: Buffer, from: number, end: number): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  const walk = new Walk(body);
  walk.at = from;
  while (walk.at < end) {
    const tag = walk.varint();
    const next = walk.varint() + walk.at;
    if (tag === 0x0a) {
      const texts = { name: '', value: '' };
      while (walk.at < next) {
        const field = walk.varint();
        const textEnd = walk.varint() + walk.at;
        texts[field === 0x0a ? 'name' : 'value'] = body.toString('utf8', walk.at, textEnd);
        walk.at = textEnd;
      }
      labels.set(texts.name, texts.value);
    }
    walk.at = next;
  }
  return labels;
}

const peers = new Map<string, Counts>();

const server = createServer((request, response) => {
  const counts = peers.get((request.url ?? '').slice(1));
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('error', () => undefined);
  request.on('end', () => {
    const wire = Buffer.concat(chunks);
    counts?.request(uncompressSync(wire, { asBuffer: true, copyOutputData: true }) as Buffer, wire.length);
    response.writeHead(counts === undefined ? 404 : 204).end();
  });
});

function open(): Promise<{ readonly port: number }> {
  const { promise, resolve } = Promise.withResolvers<{ readonly port: number }>();
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    resolve({ port: typeof address === 'object' && address !== null ? address.port : 0 });
  });
  return promise;
}

async function answerTo(message: ToSink): Promise<object> {
  if (message.ask === 'open') {
    return await open();
  }
  if (message.ask === 'peer') {
    peers.set(message.name, new Counts(message.plan, message.targets));
  }
  return peers.get(message.name)?.received ?? {};
}

process.on('message', (message: { readonly id: number; readonly body: ToSink }) => {
  answerTo(message.body).then(
    (body) => process.send?.({ id: message.id, body }),
    (error: unknown) => process.send?.({ id: message.id, error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
