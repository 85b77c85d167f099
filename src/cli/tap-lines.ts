import { harmless, type Paint } from './paint.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Widest place that others are aligned to. */
const widestPlace = 44;
const signalWidth = 7;
const noTime = ' '.repeat('12:00:00.000'.length);
/** Dates end there (ECMA-262, time values). */
const maxDateMs = 8.64e15;

/** Items as one line each, for people. */
export class TapLines {
  readonly #paint: Paint;
  #placeWidth = 0;

  constructor(paint: Paint) {
    this.#paint = paint;
  }

  /** Of an item as the `file` output writes it; undefined for what is none. */
  of(item: unknown): string | undefined {
    const fields = fieldsOf(item);
    const shown = shownOf(fields, this.#paint);
    if (shown === undefined) {
      return undefined;
    }
    const { timeMs, place, words } = shown;
    this.#placeWidth = Math.max(this.#placeWidth, Math.min(place.length, widestPlace));
    const time =
      timeMs === undefined || Math.abs(timeMs) > maxDateMs ? noTime : new Date(timeMs).toISOString().slice(11, 23);
    const signal = text(fields, 'signal').padEnd(signalWidth);
    const head = `${this.#paint.dim(time)}  ${this.#paint.dim(signal)}  ${harmless(place).padEnd(this.#placeWidth)}`;
    return [head, ...words.filter((word) => word !== '')].join('  ');
  }
}

interface Shown {
  readonly timeMs: number | undefined;
  readonly place: string;
  readonly words: readonly string[];
}

function shownOf(item: Fields, paint: Paint): Shown | undefined {
  switch (item['signal']) {
    case 'metrics':
      return metric(item, paint);
    case 'traces':
      return span(item, paint);
    case 'logs':
      return line(item, paint);
    case 'rum':
      return point(item, paint);
    default:
      return undefined;
  }
}

function metric(item: Fields, paint: Paint): Shown {
  const { namespace, pod, ...labels } = fieldsOf(item['labels']);
  const rest = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const value = item['stale'] === true ? paint.warn('ends') : paint.strong(String(item['value']));
  const braces = rest.length === 0 ? '' : `{${harmless(rest.join(','))}}`;
  return {
    timeMs: numberOf(item['timestamp']),
    place: placeOf({ namespace, pod }),
    words: [`${harmless(text(item, 'name'))}${paint.dim(braces)}`, value],
  };
}

function span(item: Fields, paint: Paint): Shown {
  const tags = fieldsOf(item['tags']);
  const local = text(fieldsOf(item['localEndpoint']), 'serviceName');
  const remote = text(fieldsOf(item['remoteEndpoint']), 'serviceName');
  const micros = numberOf(item['timestamp']);
  const duration = numberOf(item['duration']);
  const status = text(tags, 'http.status_code');
  const failed = 'error' in tags || /^5/.test(status);
  return {
    timeMs: micros === undefined ? undefined : micros / 1_000,
    place: remote === '' ? local : `${local} → ${remote}`,
    words: [
      text(item, 'kind').toLowerCase(),
      toned(text(item, 'name'), paint.strong),
      duration === undefined ? '' : millis(duration),
      failed ? toned(status === '' ? 'error' : status, paint.bad) : harmless(status),
      toned(text(item, 'traceId'), paint.dim),
    ],
  };
}

function line(item: Fields, paint: Paint): Shown {
  const level = text(item, 'level');
  const tones: Readonly<Record<string, Paint['bad']>> = { error: paint.bad, fatal: paint.bad, warn: paint.warn };
  const tone = tones[level] ?? paint.dim;
  return {
    timeMs: numberOf(Date.parse(text(item, 'timestamp'))),
    place: placeOf(item),
    words: [tone(harmless(level).padEnd(5)), harmless(text(item, 'message'))],
  };
}

function point(item: Fields, paint: Paint): Shown {
  const tags = Object.entries(fieldsOf(item['tags'])).map(([name, value]) => `${name}=${String(value)}`);
  const nanos = text(item, 'time');
  return {
    timeMs: /^\d+$/.test(nanos) ? Number(BigInt(nanos) / 1_000_000n) : undefined,
    place: text(fieldsOf(item['tags']), 'app_id'),
    words: [toned(text(item, 'measurement'), paint.strong), toned(tags.join(' '), paint.dim)],
  };
}

function placeOf({ namespace, pod, container, source }: Fields): string {
  const parts = [namespace, pod, container].filter((part) => typeof part === 'string' && part !== '');
  return parts.length === 0 && typeof source === 'string' ? source : parts.join('/');
}

function toned(words: string, tone: Paint['bad']): string {
  return words === '' ? '' : tone(harmless(words));
}

function millis(micros: number): string {
  return micros < 1_000
    ? `${micros} µs`
    : micros < 1_000_000
      ? `${round(micros / 1_000)} ms`
      : `${round(micros / 1e6)} s`;
}

function round(value: number): string {
  return value.toFixed(value < 10 ? 1 : 0);
}

function text(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === 'string' ? value : '';
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
