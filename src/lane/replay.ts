import { basename } from 'node:path';
import type { ScanEvent } from '../record/frame.ts';
import { type LaneFacts, readFacts, readMeta, readPosition } from '../record/lane-header.ts';
import { LossBook } from '../record/loss-book.ts';
import { RecordReader } from '../record/reader.ts';
import { SegmentGate, type SegmentName } from '../record/segment.ts';
import { type Ancestor, type CursorBooks, decodeCursor, decodeDetached, decodeSnapshot } from './lane-state.ts';
import type { OpenEnd } from './open-segment.ts';
import type { Recovered } from './recover.ts';
import { SegmentIndex } from './segment-index.ts';
import { isDoneWith } from './skips.ts';

type GoodRecord = Extract<ScanEvent, { kind: 'record' }>;

/** Records between two segments that are not there: lost, unless nobody needed them any more. */
interface Gap {
  /** The one behind it. */
  readonly segment: string;
  readonly afterSeq: number;
  readonly seq: number;
  readonly items: number;
}

export interface FirstHeader {
  readonly facts: LaneFacts;
  /** Is its payload good too? */
  readonly intact: boolean;
}

/** All of a file as it is now, its end included. */
export async function* eventsOf(name: SegmentName, gate: SegmentGate): AsyncGenerator<ScanEvent, void, undefined> {
  const reader = await RecordReader.open(name.path, { accept: gate.accept });
  try {
    for (let events = await reader.read(); events.length > 0; events = await reader.read()) {
      yield* events;
    }
    yield* reader.finish();
  } finally {
    await reader.close();
  }
}

/** The first intact header of a segment. */
export async function firstHeader(name: SegmentName): Promise<FirstHeader | undefined> {
  for await (const event of eventsOf(name, new SegmentGate(name.path))) {
    if (event.header !== undefined) {
      return { facts: readFacts(event.header), intact: event.kind === 'record' };
    }
  }
  return undefined;
}

/** The state of a lane as its records tell it, one after the other. */
export class Replay {
  readonly #segments: SegmentIndex[] = [];
  readonly #losses = new LossBook();
  readonly #empties: string[] = [];
  #positions = new Map<string, string>();
  #cursors = new Map<string, CursorBooks>();
  #queueId: string | undefined;
  #ancestors: readonly Ancestor[] = [];
  #seq = 0;
  #receivedAtMs = 0;
  /** At the last intact header; undefined before the first. */
  #cumItems: number | undefined;
  /** At the last good record. */
  #surviving = { seq: 0, cumItems: 0 };
  readonly #gaps: Gap[] = [];
  #open: OpenEnd | undefined;
  #cuts: { readonly path: string; readonly bytes: number }[] = [];

  /** A segment whose state a later snapshot repeats. */
  older(name: SegmentName, size: number, first: FirstHeader | undefined): void {
    const known = this.#segments.at(-1)?.startCumItems ?? 0;
    const startCumItems = first === undefined ? known : first.facts.cumItems - first.facts.items;
    this.#segments.push(new SegmentIndex({ ...name, startCumItems, bytes: size }));
  }

  async segment(name: SegmentName, size: number): Promise<void> {
    if (size === 0) {
      this.#empties.push(name.path);
      return;
    }
    if (this.#segments.length === 0 && name.firstSeq === 1) {
      this.#cumItems = 0;
    }
    const index = new SegmentIndex({ ...name, startCumItems: this.#cumItems ?? 0, bytes: size });
    const gate = new SegmentGate(name.path);
    const dictionaries = new Map<string, number>();
    let goodEnd = 0;
    let snapshot = false;
    for await (const event of eventsOf(name, gate)) {
      const facts = this.#book(event, index);
      if (event.kind === 'record' && facts !== undefined) {
        this.#apply(event, facts, index);
        noteDictionary(dictionaries, event, facts);
        snapshot ||= facts.kind === 'snapshot';
        goodEnd = event.end;
      }
    }
    this.#segments.push(index);
    const whole = snapshot && goodEnd === size;
    this.#open = whole && gate.nonce !== undefined ? { bytes: size, nonce: gate.nonce, dictionaries } : undefined;
    const cutsBefore = goodEnd === 0 ? this.#cuts : [];
    this.#cuts = goodEnd < size ? [...cutsBefore, { path: name.path, bytes: goodEnd }] : [];
  }

  end(): Recovered {
    for (const { segment, afterSeq, seq, items } of this.#gaps) {
      const isNeeded = [...this.#cursors.values()].some((books) => !isDoneWith(books, afterSeq, seq));
      if (isNeeded || this.#cursors.size === 0) {
        this.#losses.known({ segment, offset: 0, bytes: 0, reason: 'records before this place are missing' }, items);
      }
    }
    const cut = this.#cuts.length > 0;
    return {
      end: {
        segments: this.#segments,
        seq: this.#seq,
        cumItems: cut ? this.#surviving.cumItems : (this.#cumItems ?? 0),
        receivedAtMs: this.#receivedAtMs,
      },
      queueId: this.#queueId,
      ancestors: this.#ancestors,
      positions: this.#positions,
      cursors: this.#cursors,
      losses: this.#losses.takeAll(),
      open: this.#open,
      survivingSeq: this.#surviving.seq,
      cuts: this.#cuts,
      empties: this.#empties,
    };
  }

  /** Books damage, and what an intact header says is missing before it. */
  #book(event: ScanEvent, index: SegmentIndex): LaneFacts | undefined {
    const segment = basename(index.path);
    const place =
      event.kind === 'record' ? undefined : { segment, offset: event.offset, bytes: event.bytes, reason: event.reason };
    if (event.header === undefined) {
      if (place !== undefined) {
        this.#losses.unknown(place);
      }
      return undefined;
    }
    const facts = readFacts(event.header);
    const before = facts.cumItems - facts.items;
    if (this.#cumItems === undefined) {
      index.startCumItems = before;
    }
    const missing = Math.max(0, before - (this.#cumItems ?? before));
    if (missing > 0 && facts.kind === 'snapshot' && !this.#losses.isOpen) {
      this.#gaps.push({ segment, afterSeq: this.#seq, seq: facts.seq, items: missing });
    } else {
      this.#losses.bound(missing, { segment, offset: event.offset });
    }
    if (place !== undefined) {
      this.#losses.known(place, facts.items);
    }
    this.#cumItems = facts.cumItems;
    this.#seq = Math.max(this.#seq, facts.seq);
    return facts;
  }

  #apply(event: GoodRecord, facts: LaneFacts, index: SegmentIndex): void {
    this.#surviving = { seq: Math.max(this.#surviving.seq, facts.seq), cumItems: facts.cumItems };
    this.#receivedAtMs = Math.max(this.#receivedAtMs, facts.receivedAtMs);
    if (facts.kind === 'data') {
      const { seq, receivedAtMs, cumItems, items } = facts;
      index.mark({ seq, offset: event.offset, receivedAtMs, cumItems: cumItems - items });
    }
    const position = readPosition(event.header);
    if (position !== undefined) {
      if (facts.kind === 'forget') {
        this.#positions.delete(position.key);
      } else {
        this.#positions.set(position.key, position.value);
      }
    }
    this.#applyState(event, facts);
  }

  #applyState({ payload }: GoodRecord, facts: LaneFacts): void {
    if (facts.kind === 'snapshot') {
      const state = decodeSnapshot(payload);
      this.#queueId = state.queueId;
      this.#ancestors = state.ancestors;
      this.#positions = new Map(state.positions);
      this.#cursors = new Map(state.cursors.map((books) => [books.output, books]));
    } else if (facts.kind === 'cursor') {
      const books = decodeCursor(payload);
      this.#cursors.set(books.output, books);
    } else if (facts.kind === 'detach') {
      this.#cursors.delete(decodeDetached(payload).output);
    }
  }
}

function noteDictionary(dictionaries: Map<string, number>, event: GoodRecord, facts: LaneFacts): void {
  if (facts.kind === 'dictionary') {
    const { id } = JSON.parse(readMeta(event.header).toString());
    dictionaries.set(String(id), event.offset);
  }
}
