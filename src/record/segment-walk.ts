import { basename } from 'node:path';
import { Dictionaries } from './dictionaries.ts';
import type { ScanEvent } from './frame.ts';
import { type LaneFacts, readFacts } from './lane-header.ts';
import { RecordReader } from './reader.ts';
import { listSegments, SegmentGate, type SegmentName } from './segment.ts';

export interface WalkEvent {
  readonly event: ScanEvent;
  /** Absent where not even the header is intact. */
  readonly facts: LaneFacts | undefined;
  readonly segment: string;
  readonly dictionaries: Dictionaries;
}

interface OpenSegment extends SegmentName {
  readonly reader: RecordReader;
  readonly dictionaries: Dictionaries;
}

/**
 * Goes through the records of a lane's segments, while they may be written, up to a durable watermark. All of a record
 * up to the watermark is on disk before the watermark is announced, so what cannot be read there is damaged, not unfinished.
 */
export class SegmentWalk {
  readonly #dir: string;
  #segment: OpenSegment | undefined;
  #next: SegmentName | undefined;
  #events: readonly ScanEvent[] = [];
  #index = 0;
  /** The watermark when `#events` were read: what lies past it is read again before it is believed. */
  #believedSeq = 0;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** The next event, which stays the next until `advance`; undefined when there is none up to the watermark. `fromSeq` says where to begin. */
  async peek(fromSeq: number, throughSeq: number): Promise<WalkEvent | undefined> {
    for (;;) {
      const segment = this.#segment ?? (await this.#openAt(fromSeq));
      if (segment === undefined) {
        return undefined;
      }
      const here = this.#here(segment);
      if (here !== 'past' && here !== 'more') {
        return here;
      }
      const asFarAsKnown = here === 'past' && throughSeq <= this.#believedSeq;
      if (asFarAsKnown || !(await this.#more(segment, throughSeq))) {
        return undefined;
      }
    }
  }

  /** `past`: it was not durable when it was read, so it must be read again. */
  #here(segment: OpenSegment): WalkEvent | 'past' | 'more' {
    const event = this.#events[this.#index];
    if (event === undefined) {
      return 'more';
    }
    const facts = event.header === undefined ? undefined : readFacts(event.header);
    if (facts === undefined || facts.seq <= this.#believedSeq) {
      return { event, facts, segment: basename(segment.path), dictionaries: segment.dictionaries };
    }
    this.#backTo(segment, event.offset);
    return 'past';
  }

  advance(): void {
    this.#index += 1;
  }

  /** Begin anew at the next `peek`. */
  async reset(): Promise<void> {
    const segment = this.#segment;
    this.#segment = undefined;
    this.#next = undefined;
    this.#events = [];
    this.#index = 0;
    await segment?.reader.close();
  }

  #backTo(segment: OpenSegment, offset: number): void {
    segment.reader.seek(offset);
    this.#events = [];
    this.#index = 0;
  }

  async #openAt(fromSeq: number): Promise<OpenSegment | undefined> {
    for (;;) {
      const names = await listSegments(this.#dir);
      const name = names.findLast(({ firstSeq }) => firstSeq <= fromSeq) ?? names[0];
      const opened = name === undefined ? undefined : await this.#open(name);
      // One that was deleted meanwhile is not listed again.
      if (name === undefined || opened !== undefined) {
        return opened;
      }
    }
  }

  /** undefined when it was deleted meanwhile. */
  async #open(name: SegmentName): Promise<OpenSegment | undefined> {
    const gate = new SegmentGate(name.path);
    try {
      const reader = await RecordReader.open(name.path, { accept: gate.accept });
      this.#segment = { ...name, reader, dictionaries: new Dictionaries(reader) };
    } catch (error) {
      if (!(typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT')) {
        throw error;
      }
    }
    return this.#segment;
  }

  /** Reads on, into the next segment if need be; false when there is nothing more now. */
  async #more(segment: OpenSegment, throughSeq: number): Promise<boolean> {
    this.#believedSeq = throughSeq;
    if (await this.#take(segment.reader.read())) {
      return true;
    }
    if (this.#next === undefined) {
      const names = await listSegments(this.#dir);
      this.#next = names.find(({ firstSeq }) => firstSeq > segment.firstSeq);
      // Before it was followed by another it may have grown, or lost half a record that found no room.
      if (this.#next !== undefined) {
        segment.reader.readAgain();
        if (await this.#take(segment.reader.read())) {
          return true;
        }
      }
    }
    if (await this.#take(this.#finish(segment.reader))) {
      return true;
    }
    if (this.#next === undefined) {
      return false;
    }
    const next = this.#next;
    await this.reset();
    await this.#open(next);
    return true;
  }

  async #take(events: Promise<readonly ScanEvent[]> | readonly ScanEvent[]): Promise<boolean> {
    this.#events = await events;
    this.#index = 0;
    return this.#events.length > 0;
  }

  /** What can be told of a file's end: of the newest segment not that it is torn, since more may follow. */
  #finish(reader: RecordReader): readonly ScanEvent[] {
    const events = reader.finish();
    const last = events.at(-1);
    if (this.#next !== undefined || last?.kind !== 'torn') {
      return events;
    }
    reader.seek(last.offset);
    return events.slice(0, -1);
  }
}
