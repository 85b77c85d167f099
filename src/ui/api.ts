import { ApiError, getJson } from './http.ts';
import { type InputDetail, readDetail } from './input-detail.ts';
import { list, number, optional, record, text } from './read.ts';

export type Signal = 'metrics' | 'traces' | 'logs' | 'rum';
export const signals: readonly Signal[] = ['metrics', 'traces', 'logs', 'rum'];

export type Counts = Readonly<Record<string, number>>;

/** An input's books of one signal, in items since the process began. */
export interface InputView {
  readonly id: string;
  readonly type: string;
  readonly signal: string;
  readonly received: number;
  readonly accepted: number;
  readonly refused: Counts;
  readonly dropped: Counts;
  readonly detail: InputDetail;
}

export interface OutputView {
  readonly output: string;
  readonly delivered: number;
  readonly dropped: Counts;
  readonly lost: number;
  readonly queuedItems: number;
  readonly queuedBytes: number;
  readonly oldestMs?: number;
  readonly state: string;
  readonly retries: number;
  readonly lastError?: string;
  readonly nextAttemptMs?: number;
  readonly onFull: string;
  readonly deadLetters?: DeadLettersView;
}

/** What the far side refused for good. */
export interface DeadLettersView {
  readonly items: number;
  readonly lastReason: string;
}

/** Whether an output could deliver when it was asked last. */
export interface OutputCheckView {
  readonly name: string;
  readonly ok: boolean;
  readonly reason: string;
}

export interface LossView {
  readonly segment: string;
  readonly bytes: number;
  readonly items?: number;
  readonly reason: string;
}

export interface LaneView {
  readonly signal: string;
  readonly bytes: number;
  readonly maxBytes: number;
  readonly cumItems: number;
  readonly full?: string;
  readonly losses: readonly LossView[];
  readonly outputs: readonly OutputView[];
}

export interface ListenerView {
  readonly name: string;
  readonly address?: string;
  readonly off?: string;
}

export interface EvictionView {
  readonly signal: string;
  /** `age` or `bytes`. */
  readonly reason: string;
  readonly items: number;
  readonly bytes: number;
}

/** What the page needs of `GET /api/native/status`. */
export interface StatusView {
  readonly version: string;
  readonly startedAtMs: number;
  readonly nowMs: number;
  readonly node: string;
  readonly configFiles: readonly string[];
  readonly warnings: readonly string[];
  readonly listeners: readonly ListenerView[];
  readonly inputs: readonly InputView[];
  readonly lanes: readonly LaneView[];
  readonly outputChecks: readonly OutputCheckView[];
  readonly storeOn: boolean;
  /** What the store deleted since the process began. */
  readonly evictions: readonly EvictionView[];
  readonly role: string;
  /** Where the page of this agent's hub is. */
  readonly hubPage?: string;
  /** In a cluster, and neither hub nor agent. */
  readonly isAlone: boolean;
  /** It runs beside a demo, which has switches. */
  readonly hasDemo: boolean;
  readonly ready: boolean;
  readonly notReady: readonly string[];
  readonly reload?: ReloadView;
}

/** What became of the configuration since the daemon began. */
export interface ReloadView {
  readonly generation: number;
  readonly lastAtMs: number;
  readonly lastGoodAtMs: number;
  readonly ok: boolean;
  readonly faults: readonly string[];
  readonly changed: readonly string[];
  readonly atNextStart: readonly string[];
  readonly frozenFiles: readonly string[];
}

export interface EndpointView {
  readonly serviceName?: string;
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly port?: number;
}

/** A span of Zipkin's API; times and durations are µs. */
export interface SpanView {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly timestamp?: number;
  readonly duration?: number;
  readonly localEndpoint?: EndpointView;
  readonly remoteEndpoint?: EndpointView;
  readonly annotations: readonly { readonly timestamp: number; readonly value: string }[];
  readonly tags: Readonly<Record<string, string>>;
  readonly shared: boolean;
}

export async function loadStatus(signal: AbortSignal): Promise<StatusView> {
  return readStatus(await getJson('/api/native/status', signal));
}

export async function loadTraces(url: string, signal: AbortSignal): Promise<readonly (readonly SpanView[])[]> {
  return list(await getJson(url, signal), (trace) => list(trace, readSpan));
}

/** Undefined when the store does not know the id. */
export async function loadTrace(id: string, signal: AbortSignal): Promise<readonly SpanView[] | undefined> {
  try {
    return list(await getJson(`/api/v2/trace/${encodeURIComponent(id)}`, signal), readSpan);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) {
      return undefined;
    }
    throw error;
  }
}

export async function loadNames(url: string, signal: AbortSignal): Promise<readonly string[]> {
  return list(await getJson(url, signal), (value) => text(value) ?? '');
}

/** Missing members become empty ones: a page of another version than its daemon shows less, not nothing. */
export function readStatus(value: unknown): StatusView {
  const it = record(value);
  return {
    version: text(it['version']) ?? '',
    startedAtMs: number(it['startedAtMs']) ?? 0,
    nowMs: number(it['nowMs']) ?? 0,
    node: text(it['node']) ?? '',
    configFiles: list(it['configFiles'], (file) => text(file) ?? ''),
    warnings: list(it['warnings'], (warning) => text(warning) ?? ''),
    listeners: list(it['listeners'], readListener),
    inputs: onceEach(list(it['inputs'], readInput)),
    lanes: list(it['lanes'], readLane),
    outputChecks: list(it['outputs'], readOutputCheck),
    storeOn: it['store'] !== undefined && it['store'] !== null,
    evictions: list(record(it['store'])['evictions'], readEviction),
    role: text(it['role']) ?? '',
    ...optional('hubPage', webAddress(record(it['hub'])['page'])),
    isAlone: it['isAlone'] === true,
    hasDemo: it['demo'] === true,
    ready: it['ready'] === true,
    notReady: list(it['notReady'], (reason) => text(reason) ?? ''),
    ...(it['reload'] === undefined ? {} : { reload: readReload(record(it['reload'])) }),
  };
}

function readEviction(value: unknown): EvictionView {
  const it = record(value);
  return {
    signal: text(it['signal']) ?? '',
    reason: text(it['reason']) ?? '',
    items: number(it['items']) ?? 0,
    bytes: number(it['bytes']) ?? 0,
  };
}

function readReload(it: Readonly<Record<string, unknown>>): ReloadView {
  const lines = (value: unknown): readonly string[] => list(value, (line) => text(line) ?? '');
  return {
    generation: number(it['generation']) ?? 1,
    lastAtMs: number(it['lastAtMs']) ?? 0,
    lastGoodAtMs: number(it['lastGoodAtMs']) ?? 0,
    ok: it['ok'] !== false,
    faults: lines(it['faults']),
    changed: lines(it['changed']),
    atNextStart: lines(it['atNextStart']),
    frozenFiles: lines(it['frozenFiles']),
  };
}

/** An input has one entry for each of its signals, and says the same of itself in all: once is enough. */
function onceEach(inputs: readonly InputView[]): readonly InputView[] {
  const seen = new Set<string>();
  return inputs.map((input) => {
    const again = seen.has(input.id);
    seen.add(input.id);
    return again ? { ...input, detail: { targets: [], files: [] } } : input;
  });
}

/** Anything else would be no place to send somebody to. */
function webAddress(value: unknown): string | undefined {
  const url = URL.parse(text(value) ?? '');
  return url !== null && /^https?:$/.test(url.protocol) ? url.href : undefined;
}

function readListener(value: unknown): ListenerView {
  const it = record(value);
  return {
    name: text(it['name']) ?? '',
    ...optional('address', text(it['address'])),
    ...optional('off', text(it['off'])),
  };
}

function readInput(value: unknown): InputView {
  const it = record(value);
  return {
    id: text(it['id']) ?? '',
    type: text(it['type']) ?? '',
    signal: text(it['signal']) ?? '',
    received: number(it['received']) ?? 0,
    accepted: number(it['accepted']) ?? 0,
    refused: readCounts(it['refused']),
    dropped: readCounts(it['dropped']),
    detail: readDetail(it['detail']),
  };
}

function readLane(value: unknown): LaneView {
  const it = record(value);
  return {
    signal: text(it['signal']) ?? '',
    bytes: number(it['bytes']) ?? 0,
    maxBytes: number(it['maxBytes']) ?? 0,
    cumItems: number(it['cumItems']) ?? 0,
    ...optional('full', text(it['full'])),
    losses: list(it['losses'], readLoss),
    outputs: list(it['outputs'], readOutput),
  };
}

function readLoss(value: unknown): LossView {
  const it = record(value);
  return {
    segment: text(it['segment']) ?? '',
    bytes: number(it['bytes']) ?? 0,
    ...optional('items', number(it['items'])),
    reason: text(it['reason']) ?? '',
  };
}

function readOutput(value: unknown): OutputView {
  const it = record(value);
  return {
    output: text(it['output']) ?? '',
    delivered: number(it['delivered']) ?? 0,
    dropped: readCounts(it['dropped']),
    lost: number(it['lost']) ?? 0,
    queuedItems: number(it['queuedItems']) ?? 0,
    queuedBytes: number(it['queuedBytes']) ?? 0,
    ...optional('oldestMs', number(it['oldestMs'])),
    state: text(it['state']) ?? '',
    retries: number(it['retries']) ?? 0,
    ...optional('lastError', text(it['lastError'])),
    ...optional('nextAttemptMs', number(it['nextAttemptMs'])),
    onFull: text(it['onFull']) ?? '',
    ...optional('deadLetters', it['deadLetters'] === undefined ? undefined : readDeadLetters(it['deadLetters'])),
  };
}

function readDeadLetters(value: unknown): DeadLettersView {
  const it = record(value);
  return { items: number(it['items']) ?? 0, lastReason: text(it['lastReason']) ?? '' };
}

function readOutputCheck(value: unknown): OutputCheckView {
  const it = record(value);
  const check = record(it['check']);
  return { name: text(it['name']) ?? '', ok: check['ok'] !== false, reason: text(check['reason']) ?? '' };
}

function readCounts(value: unknown): Counts {
  const counts = Object.entries(record(value)).map(([key, count]) => [key, number(count) ?? 0] as const);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

export function readSpan(value: unknown): SpanView {
  const it = record(value);
  return {
    traceId: text(it['traceId']) ?? '',
    id: text(it['id']) ?? '',
    ...optional('parentId', text(it['parentId'])),
    ...optional('kind', text(it['kind'])),
    ...optional('name', text(it['name'])),
    ...optional('timestamp', number(it['timestamp'])),
    ...optional('duration', number(it['duration'])),
    ...optional('localEndpoint', readEndpoint(it['localEndpoint'])),
    ...optional('remoteEndpoint', readEndpoint(it['remoteEndpoint'])),
    annotations: list(it['annotations'], (annotation) => ({
      timestamp: number(record(annotation)['timestamp']) ?? 0,
      value: text(record(annotation)['value']) ?? '',
    })),
    tags: Object.fromEntries(Object.entries(record(it['tags'])).map(([key, tag]) => [key, text(tag) ?? ''])),
    shared: it['shared'] === true,
  };
}

function readEndpoint(value: unknown): EndpointView | undefined {
  if (value === undefined || value === null) {
    return undefined;
  }
  const it = record(value);
  return {
    ...optional('serviceName', text(it['serviceName'])),
    ...optional('ipv4', text(it['ipv4'])),
    ...optional('ipv6', text(it['ipv6'])),
    ...optional('port', number(it['port'])),
  };
}
