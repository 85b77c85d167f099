import type { SpanKind } from '../../../../model/span.ts';
import type { CallWay } from '../dependency-linker.ts';
import { Durations } from './durations.ts';

/**
 * What follows from the spans that came in one minute. `minute` of an entry is that in which the span, or the trace, began.
 * Links are those of the traces whose first span came in the minute, spans that came later included.
 */
export interface MinuteRow {
  /** The minute of arrival. */
  readonly minute: number;
  /** What it was made of. */
  readonly blocks: number;
  readonly spans: number;
  readonly links: readonly LinkEntry[];
  /** When the first and the last trace of each minute began, µs. */
  readonly begins: readonly BeginEntry[];
  readonly operations: readonly OperationEntry[];
  readonly workloads: readonly WorkloadEntry[];
  /** The values that spans had of tags whose values are offered. */
  readonly tags: readonly TagEntry[];
}

export interface TagEntry {
  readonly key: string;
  readonly values: readonly string[];
}

export interface BeginEntry {
  readonly minute: number;
  minMicros: number;
  maxMicros: number;
}

export interface LinkEntry {
  readonly minute: number;
  readonly parent: string;
  readonly child: string;
  readonly way: CallWay;
  calls: number;
  errors: number;
  readonly server: Durations;
  readonly client: Durations;
}

export type OperationKind = SpanKind | 'INTERNAL';

/** Rate, errors and durations of one operation. Spans without a kind are internal. */
export interface OperationEntry {
  readonly minute: number;
  readonly service: string;
  readonly name: string;
  readonly kind: OperationKind;
  readonly failed: boolean;
  readonly durations: Durations;
  calls: number;
}

/** What the spans of one workload say of how traces begin and go on there. */
export interface WorkloadEntry {
  readonly minute: number;
  readonly service: string;
  /** As Envoy's `node_id` says; empty where spans have none. */
  readonly workload: string;
  readonly namespace: string;
  /** `router` is a gateway. */
  readonly proxy: string;
  servers: number;
  /** Those without a parent. */
  serverRoots: number;
  clients: number;
  clientRoots: number;
}

/** Every text once. */
class Texts {
  readonly list: string[] = [];
  readonly #refs = new Map<string, number>();

  ref(text: string): number {
    const known = this.#refs.get(text);
    if (known !== undefined) {
      return known;
    }
    const ref = this.list.push(text) - 1;
    this.#refs.set(text, ref);
    return ref;
  }
}

type Cells = readonly (readonly (number | readonly number[])[])[];
interface Written {
  readonly texts: readonly string[];
  readonly [table: string]: readonly string[] | Cells;
}

const ways: readonly CallWay[] = ['direct', 'messages', 'unseen'];
const kinds: readonly OperationKind[] = ['INTERNAL', 'CLIENT', 'SERVER', 'PRODUCER', 'CONSUMER'];

export function writeLinks({ links, begins }: MinuteRow): Written {
  const texts = new Texts();
  const rows = links.map((link) => [
    link.minute,
    texts.ref(link.parent),
    texts.ref(link.child),
    ways.indexOf(link.way),
    link.calls,
    link.errors,
    link.server.write(),
    link.client.write(),
  ]);
  return {
    texts: texts.list,
    links: rows,
    begins: begins.map(({ minute, minMicros, maxMicros }) => [minute, minMicros, maxMicros]),
  };
}

export function readLinks(written: Written): Pick<MinuteRow, 'links' | 'begins'> {
  const cells = cellsOf(written);
  return {
    links: cells('links').map((cell) => ({
      minute: cell.number(0),
      parent: cell.text(1),
      child: cell.text(2),
      way: ways[cell.number(3)] ?? 'direct',
      calls: cell.number(4),
      errors: cell.number(5),
      server: cell.durations(6),
      client: cell.durations(7),
    })),
    begins: cells('begins').map((cell) => ({
      minute: cell.number(0),
      minMicros: cell.number(1),
      maxMicros: cell.number(2),
    })),
  };
}

export function writeOperations({ operations, workloads, tags }: MinuteRow): Written {
  const texts = new Texts();
  return {
    texts: texts.list,
    operations: operations.map((one) => [
      one.minute,
      texts.ref(one.service),
      texts.ref(one.name),
      kinds.indexOf(one.kind),
      one.failed ? 1 : 0,
      one.calls,
      one.durations.write(),
    ]),
    workloads: workloads.map((one) => [
      one.minute,
      texts.ref(one.service),
      texts.ref(one.workload),
      texts.ref(one.namespace),
      texts.ref(one.proxy),
      one.servers,
      one.serverRoots,
      one.clients,
      one.clientRoots,
    ]),
    tags: tags.map(({ key, values }) => [texts.ref(key), values.map((value) => texts.ref(value))]),
  };
}

export function readOperations(written: Written): Pick<MinuteRow, 'operations' | 'workloads' | 'tags'> {
  const cells = cellsOf(written);
  return {
    operations: cells('operations').map((cell) => ({
      minute: cell.number(0),
      service: cell.text(1),
      name: cell.text(2),
      kind: kinds[cell.number(3)] ?? 'INTERNAL',
      failed: cell.number(4) === 1,
      calls: cell.number(5),
      durations: cell.durations(6),
    })),
    workloads: cells('workloads').map((cell) => ({
      minute: cell.number(0),
      service: cell.text(1),
      workload: cell.text(2),
      namespace: cell.text(3),
      proxy: cell.text(4),
      servers: cell.number(5),
      serverRoots: cell.number(6),
      clients: cell.number(7),
      clientRoots: cell.number(8),
    })),
    tags: cells('tags').map((cell) => ({ key: cell.text(0), values: cell.texts(1) })),
  };
}

interface Cell {
  number(at: number): number;
  text(at: number): string;
  texts(at: number): string[];
  durations(at: number): Durations;
}

function cellsOf(written: Written): (table: string) => Cell[] {
  return (table) =>
    (written[table] ?? []).map((row) => ({
      number: (at) => (typeof row[at] === 'number' ? row[at] : 0),
      text: (at) => (typeof row[at] === 'number' ? (written.texts[row[at]] ?? '') : ''),
      texts: (at) => {
        const refs = row[at];
        return Array.isArray(refs) ? refs.map((ref: number) => written.texts[ref] ?? '') : [];
      },
      durations: (at) => Durations.read(Array.isArray(row[at]) ? row[at] : []),
    }));
}
