import type { Exemplar } from '../../model/metric.ts';
import type { FamilyMetadata } from './metadata.ts';
import { ProtoReader } from './proto-reader.ts';
import { type Label, labelsFrom, type NamedLabels, type SeriesFault, type WrittenLabel } from './written-labels.ts';

export interface WrittenSample {
  readonly value: number;
  /** Its value has the bits 0x7ff0000000000002: the series ends here. */
  readonly isStale: boolean;
  readonly timeMs: number;
}

export type WrittenExemplar = Omit<Exemplar, 'index'>;

/** One TimeSeries message as it was written. */
export interface WrittenSeries {
  readonly identity: NamedLabels | SeriesFault;
  readonly samples: readonly WrittenSample[];
  readonly exemplars: readonly WrittenExemplar[];
  /** How many native histograms it has; they are not read. */
  readonly histograms: number;
  /** Of 2.0; of 1.0 it comes apart from the series. */
  readonly metadata?: Omit<FamilyMetadata, 'family'>;
}

export interface WrittenRequest {
  readonly series: readonly WrittenSeries[];
  /** Of 1.0. */
  readonly metadata: readonly FamilyMetadata[];
}

export type WriteVersion = '1.0' | '2.0';

/**
 * `prometheus.WriteRequest` (remote-write 1.0) or `io.prometheus.write.v2.Request` (2.0), after snappy. A series whose labels are
 * faulty says so by itself. Throws BRIDGE_DECODE where the message is cut or broken.
 */
export function decodeWriteRequest(bytes: Uint8Array, version: WriteVersion): WrittenRequest {
  return version === '1.0' ? decodeFirst(new ProtoReader(bytes)) : decodeSecond(new ProtoReader(bytes));
}

const bytesOf = (field: number): number => field * 8 + 2;
const varintOf = (field: number): number => field * 8;
const doubleOf = (field: number): number => field * 8 + 1;

const first = {
  series: bytesOf(1),
  metadata: bytesOf(3),
  inSeries: { labels: bytesOf(1), samples: bytesOf(2), exemplars: bytesOf(3), histograms: bytesOf(4) },
  inMetadata: { type: varintOf(1), family: bytesOf(2), help: bytesOf(4), unit: bytesOf(5) },
} as const;

const second = {
  symbols: bytesOf(4),
  series: bytesOf(5),
  inSeries: {
    labels: bytesOf(1),
    samples: bytesOf(2),
    histograms: bytesOf(3),
    exemplars: bytesOf(4),
    metadata: bytesOf(5),
  },
  inMetadata: { type: varintOf(1), help: varintOf(3), unit: varintOf(4) },
} as const;

/** Labels as a version writes them: text by text, or as numbers of symbols, packed, as proto3 has them. */
interface Style {
  readonly exemplars: number;
  readonly histograms: number;
  readonly metadata: number;
  /** Takes what stands at the tag of labels. Equal labels are one object. */
  readLabels(reader: ProtoReader, tag: number, into: WrittenLabel[]): boolean;
  readMetadata(reader: ProtoReader): WrittenSeries['metadata'];
}

function decodeFirst(reader: ProtoReader): WrittenRequest {
  const series: WrittenSeries[] = [];
  const metadata: FamilyMetadata[] = [];
  const plain = plainStyle();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === first.series) {
      series.push(readSeries(reader, plain));
    } else if (tag === first.metadata) {
      const one = readFamily(reader);
      if (one.family !== '') {
        metadata.push(one);
      }
    } else {
      reader.skip();
    }
  }
  return { series, metadata };
}

function plainStyle(): Style {
  const known = new Map<string, WrittenLabel>();
  return {
    exemplars: first.inSeries.exemplars,
    histograms: first.inSeries.histograms,
    metadata: -1,
    readLabels: (reader, tag, into) => {
      if (tag !== first.inSeries.labels) {
        return false;
      }
      const key = reader.peek();
      const before = known.get(key);
      if (before === undefined) {
        const label = readLabel(reader);
        known.set(key, label);
        into.push(label);
      } else {
        reader.skip();
        into.push(before);
      }
      return true;
    },
    readMetadata: () => undefined,
  };
}

function readLabel(reader: ProtoReader): WrittenLabel {
  const end = reader.enter();
  let [name, value]: (string | undefined)[] = ['', ''];
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === bytesOf(1)) {
      name = reader.text();
    } else if (tag === bytesOf(2)) {
      value = reader.text();
    } else {
      reader.skip();
    }
  }
  reader.leave(end);
  return [name, value];
}

function readFamily(reader: ProtoReader): FamilyMetadata {
  const end = reader.enter();
  const { inMetadata } = first;
  const found = { family: '', type: 0, help: '', unit: '' };
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === inMetadata.type) {
      found.type = reader.varint();
    } else if (tag === inMetadata.family) {
      found.family = reader.text() ?? '';
    } else if (tag === inMetadata.help) {
      found.help = reader.text() ?? '';
    } else if (tag === inMetadata.unit) {
      found.unit = reader.text() ?? '';
    } else {
      reader.skip();
    }
  }
  reader.leave(end);
  return found;
}

/** The symbols may stand behind the series: these are read once all symbols are known. */
function decodeSecond(reader: ProtoReader): WrittenRequest {
  const symbols: (string | undefined)[] = [];
  const places: number[] = [];
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === second.symbols) {
      symbols.push(reader.text());
    } else {
      if (tag === second.series) {
        places.push(reader.at);
      }
      reader.skip();
    }
  }
  const style = numbered(symbols);
  const series = places.map((at) => {
    reader.returnTo(at);
    return readSeries(reader, style);
  });
  return { series, metadata: [] };
}

function numbered(symbols: readonly (string | undefined)[]): Style {
  const number = (reader: ProtoReader): number => {
    const found = reader.varint();
    if (!(found >= 0 && found < symbols.length)) {
      throw reader.fault(`symbol ${found} of ${symbols.length}`);
    }
    return found;
  };
  const symbol = (reader: ProtoReader): string | undefined => symbols[number(reader)];
  const known = new Map<number, WrittenLabel>();
  const labelOf = (name: number, value: number): WrittenLabel => {
    const key = name * symbols.length + value;
    const label = known.get(key) ?? [symbols[name], symbols[value]];
    known.set(key, label);
    return label;
  };
  const { inSeries, inMetadata } = second;
  return {
    exemplars: inSeries.exemplars,
    histograms: inSeries.histograms,
    metadata: inSeries.metadata,
    readLabels: (reader, tag, into) => {
      if (tag !== inSeries.labels) {
        return false;
      }
      const end = reader.enter();
      while (!reader.isAtEnd) {
        const name = number(reader);
        into.push(reader.isAtEnd ? [symbols[name]] : labelOf(name, number(reader)));
      }
      reader.leave(end);
      return true;
    },
    readMetadata: (reader) => {
      const end = reader.enter();
      const found = { type: 0, help: '', unit: '' };
      for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
        if (tag === inMetadata.type) {
          found.type = reader.varint();
        } else if (tag === inMetadata.help) {
          found.help = symbol(reader) ?? '';
        } else if (tag === inMetadata.unit) {
          found.unit = symbol(reader) ?? '';
        } else {
          reader.skip();
        }
      }
      reader.leave(end);
      return found;
    },
  };
}

function readSeries(reader: ProtoReader, style: Style): WrittenSeries {
  const end = reader.enter();
  const written: WrittenLabel[] = [];
  const samples: WrittenSample[] = [];
  const exemplars: WrittenExemplar[] = [];
  let histograms = 0;
  let metadata: WrittenSeries['metadata'];
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (style.readLabels(reader, tag, written)) {
      continue;
    }
    if (tag === first.inSeries.samples) {
      samples.push(readSample(reader));
    } else if (tag === style.exemplars) {
      exemplars.push(readExemplar(reader, style));
    } else if (tag === style.metadata) {
      metadata = style.readMetadata(reader);
    } else {
      histograms += Number(tag === style.histograms);
      reader.skip();
    }
  }
  reader.leave(end);
  return { identity: labelsFrom(written), samples, exemplars, histograms, ...(metadata && { metadata }) };
}

function readSample(reader: ProtoReader): WrittenSample {
  const end = reader.enter();
  let [value, isStale, timeMs] = [0, false, 0];
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === doubleOf(1)) {
      const at = reader.fixed64();
      value = reader.doubleAt(at);
      isStale = Number.isNaN(value) && reader.uint32At(at) === 2 && reader.uint32At(at + 4) === 0x7ff00000;
    } else if (tag === varintOf(2)) {
      timeMs = reader.varint();
    } else {
      reader.skip();
    }
  }
  reader.leave(end);
  return { value, isStale, timeMs };
}

function readExemplar(reader: ProtoReader, style: Style): WrittenExemplar {
  const end = reader.enter();
  const written: WrittenLabel[] = [];
  let [value, timestampMs] = [0, 0];
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (style.readLabels(reader, tag, written)) {
      continue;
    }
    if (tag === doubleOf(2)) {
      value = reader.double();
    } else if (tag === varintOf(3)) {
      timestampMs = reader.varint();
    } else {
      reader.skip();
    }
  }
  reader.leave(end);
  return { labels: pairsOf(written), value, timestampMs };
}

/** What is not UTF-8 is left out. */
function pairsOf(written: readonly WrittenLabel[]): readonly Label[] {
  return written.flatMap(([name, value]): readonly Label[] =>
    name === undefined || value === undefined ? [] : [[name, value]],
  );
}
