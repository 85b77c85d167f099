import { beforeAll, describe, expect, test } from '@jest/globals';
import { faultyLogStore, type LogStoreFault } from './bites/faulty-log-store.ts';
import { type CodecFault, tinyCodec } from './bites/tiny-codec.ts';
import { type InputFault, tinyInput } from './bites/tiny-input.ts';
import { type MetricStoreFault, tinyMetricStore } from './bites/tiny-metric-store.ts';
import { type LocalFault, type OutputFault, tinyFile, tinyOutput } from './bites/tiny-output.ts';
import { type StoreFault, tinyStore } from './bites/tiny-store.ts';
import { inputs as touchyInputs } from './bites/touchy-lists.ts';
import { codecCases } from './codec-contract.ts';
import { inputCases, readsAlone } from './input-contract.ts';
import { logStoreCases } from './log-store-contract.ts';
import { metricStoreCases } from './metric-store-contract.ts';
import { outputCases } from './output-contract.ts';
import { probeOf, type RegistrySubject, registryCases } from './registry-contract.ts';
import { storeCases } from './store-contract.ts';
import { type Case, withoutExceptions } from './suite.ts';

/** A fault, and the case that has to fail because of it. */
type Planted<Fault> = readonly (readonly [fault: Fault, caught: string])[];

const schemaFaults = [
  ['does not describe a key', 'describes every key'],
  ['takes unknown keys', 'refuses an unknown key at every level'],
  ['names a key in camel case', 'writes its keys in snake case'],
] as const;

const inputFaults: Planted<InputFault> = [
  ['emits twice', 'emits each accepted item exactly once'],
  ['emits garbage', 'refuses garbage and goes on'],
  ['emits after stop', 'emits nothing after stop'],
  ['emits another signal', 'declares the signals and counts the items of what it emits'],
  ['counts wrong', 'declares the signals and counts the items of what it emits'],
  ['counts refusals that emit counts', 'tells the sender to come back when the queue is full'],
  ['acknowledges when overloaded', 'tells the sender to come back when the queue is full'],
  ['acknowledges before durable', 'does not acknowledge before the batch is durable'],
  ['answers 500 when the disk fails', 'tells the sender to come back when the disk refuses what was taken'],
  ['stays shut after an overload', 'takes items again once the queue has room'],
  ['fills the batch after the call', 'keeps what it emitted apart from what comes next'],
  ['falls over garbage', 'refuses garbage and goes on'],
  ['is silent about garbage', 'does not stay silent about garbage'],
  ['throws in the second stop', 'may be stopped twice, and without having been started'],
  ['does not wait in stop', 'waits in stop until what it took is durable'],
  ['shares state between instances', 'keeps two instances apart'],
  ['has a status that is not JSON', 'shows a status of plain JSON'],
  ...schemaFaults,
];

const outputFaults: Planted<OutputFault> = [
  [{ status: 200, as: 'retry' }, 'reports 200 as delivered'],
  [{ status: 202, as: 'rejected' }, 'reports 202 as delivered'],
  [{ status: 204, as: 'retry' }, 'reports 204 as delivered'],
  [{ status: 400, as: 'retry' }, 'reports 400 for one record as final'],
  [{ status: 400, as: 'rejected' }, 'reports 400 for several records as something that halves may solve'],
  [{ status: 413, as: 'rejected' }, 'reports 413 as too large'],
  [{ status: 429, as: 'rejected' }, 'reports 429 as try again'],
  [{ status: 500, as: 'rejected' }, 'reports 500 as try again'],
  [{ status: 502, as: 'delivered' }, 'reports 502 as try again'],
  [{ status: 503, as: 'rejected' }, 'reports 503 as try again'],
  ['loops over attempts', 'reports 503 as try again'],
  ['sleeps before it gives up', 'reports 503 as try again'],
  ['ignores Retry-After', 'hands on how long a 429 asks to wait'],
  ['ignores Retry-After', 'hands on how long a 503 asks to wait'],
  ['ignores dates in Retry-After', 'reads a date in Retry-After'],
  ['gives no reason', 'says why it was not delivered'],
  ['names no cause', 'names the cause of a retry, for counting'],
  ['has one attempt at a time', 'may have two attempts under way at once'],
  ['throws when the connection is refused', 'tries again when the connection is refused'],
  ['throws when the connection breaks', 'tries again when the connection breaks before the answer'],
  ['sends items twice', 'sends every item once'],
  ['sends other bytes each time', 'sends the same bytes on every attempt'],
  ['ignores abort', 'ends with the reason of an aborted signal while the far side hangs'],
  ['sends though aborted before', 'sends nothing when its signal was aborted before'],
  ['checks by sending items', 'checks without a side effect'],
  ['keeps its connections', 'lets go of its connections in stop'],
  ['shares state between instances', 'keeps two instances apart'],
  ['changes the request', 'does not change the request'],
  ['throws in the second stop', 'may be stopped twice, and without having been started'],
  ...schemaFaults,
];

const localFaults: Planted<LocalFault> = [
  ['loses the last record', 'writes every item once'],
  ['overwrites at start', 'goes on where an earlier life ended'],
  ['ignores abort', 'writes nothing when its signal was aborted before'],
  ['checks by writing', 'checks without a side effect'],
];

const storeFaults: Planted<StoreFault> = [
  ['resolves before a read finds it', 'reads what it wrote as soon as commit resolves'],
  ['compares ids as they are', 'finds a trace by its padded id, and by its short one'],
  ['keeps a repeat twice', 'keeps one copy of a request that comes twice'],
  ['keeps a repeat twice', 'takes an overlapping request from its first new record on'],
  ['refuses an overlap', 'takes an overlapping request from its first new record on'],
  ['confuses queues', 'takes the numbers of another queue for new records'],
  ['begins with a position', 'has no position before its first request'],
  ['answers unknown ids', 'answers nothing for an unknown id'],
  ['answers unknown questions', 'rejects a question that it does not know'],
  ['ignores abort', 'ends a question with the reason of its signal'],
  ['excludes the end of a range', 'includes both edges of a time range'],
  ['excludes the beginning of a range', 'includes both edges of a time range'],
  ['ignores the limit', 'finds the newest up to the limit'],
  ['finds the oldest', 'finds the newest up to the limit'],
  ['ignores tags', 'finds by service, span name, tag, duration and remote service'],
  ['does not sort names', 'lists services and span names, sorted'],
  ['forgets when closed', 'has data and position when it is opened again'],
  ['shows a torn write', 'cuts a torn last write, and takes it again'],
  ['never expires', 'frees what is past its age, and keeps the rest'],
  ['expires all', 'frees what is past its age, and keeps the rest'],
  ['shows half a request', 'answers 1,000 questions at once during a write, and shows a request whole or not at all'],
  ['is never well', 'is well after opening, and names no damage'],
];

const logStoreFaults: Planted<LogStoreFault> = [
  ['resolves before a read finds it', 'reads lines as soon as commit resolves'],
  ['keeps a repeat twice', 'keeps one copy of lines that come twice, at every commit boundary and over restarts'],
  ['refuses an overlap', 'takes an overlapping request of lines from its first new record on'],
  ['confuses queues', 'takes the numbers of another queue for new lines'],
  ['ignores texts', 'finds lines by label, level, text and time'],
  ['forgets labels', 'gives every part of a line'],
  ['gives all lines one id', 'tells lines of equal content apart, and goes on where an answer ended'],
  ['tails from the beginning', 'tails what arrives, in the order of its arrival, once'],
  ['counts in larger buckets', 'counts lines per level and bucket'],
  ['does not sort names', 'lists labels and their values, sorted'],
  ['takes any expression', 'refuses an expression that is none'],
  ['never expires', 'frees lines that are past their age, and keeps the rest'],
  ['shows half a request', 'shows a request of lines whole or not at all'],
];

const metricStoreFaults: Planted<MetricStoreFault> = [
  ['loses ends', 'gives back the samples that it took, their NaN and their ends, as soon as commit resolves'],
  ['keeps a repeat twice', 'keeps one copy of samples that come twice'],
  [
    'lets the first stand',
    'lets the later arrival stand where two samples have one time, in whatever order times come',
  ],
  ['anchors no regular expression', 'finds series by every kind of matcher'],
  ['does not sort names', 'lists label names, values and series, sorted, of the selectors and the range'],
  ['answers queries that are none', 'refuses a query that is none'],
  ['forgets when closed', 'has samples and position when it is opened again'],
  ['shows a torn write', 'cuts a torn last write of samples, and takes it again'],
  ['never expires', 'frees samples that are past their age, and keeps the rest'],
];

const codecFaults: Planted<CodecFault> = [
  ['reads the wrong number', 'reads every golden as what it says'],
  ['loses the last field', 'gives back what it encoded'],
  ['throws a TypeError on a truncation', 'refuses every truncation with BRIDGE_DECODE'],
  ['takes a truncation for the whole', 'refuses every truncation with BRIDGE_DECODE'],
  ['throws a RangeError on a flipped bit', 'survives flipped bits with a value or BRIDGE_DECODE'],
  ['throws a RangeError on random bytes', 'survives bytes of no meaning with a value or BRIDGE_DECODE'],
  ['gives no place', 'says where it failed'],
  ['changes its input', 'leaves its input as it is, and decodes it the same twice'],
  ['has no size limit', 'keeps to its size limit'],
];

const registryFaults: Planted<RegistryFault> = [
  ['a folder that nobody lists', 'has a folder for each component, and a component for each folder'],
  ['a type twice', 'gives each component a type of its own'],
  ['a type in camel case', 'gives each component a type of its own'],
  ['a summary without a full stop', 'says in one sentence what each component does'],
  ['no signals', 'declares signals, each once'],
  ['defaults that are not valid', 'takes its own defaults'],
  ['I/O in create', 'creates components without I/O'],
  ['a package loaded in create', 'loads nothing heavy before a component starts'],
];

bites('registry', (fault) => registryCases(tinyRegistry(fault)), registryFaults, {});
bites('input', (fault) => inputCases(tinyInput(fault)), inputFaults, {});
bites('output', (fault) => outputCases(tinyOutput(fault)), outputFaults, {});
bites('local output', (fault) => outputCases(tinyFile(fault)), localFaults, {
  sameAs: ['does not change the request', 'may be stopped twice, and without having been started', ...schemaNames()],
});
bites('store', (fault) => storeCases(tinyStore(fault)), storeFaults, {});
bites('store of metrics', (fault) => metricStoreCases(tinyMetricStore(fault)), metricStoreFaults, {});
bites('store of logs', (fault) => logStoreCases(faultyLogStore(fault)), logStoreFaults, {});
bites('codec', (fault) => codecCases(tinyCodec(fault)), codecFaults, {});

test('the probe names each kind of I/O and each package that create reaches for', async () => {
  const { components } = await probeOf({}, ['./bites/touchy-lists.ts', './bites/touchy-lists.ts']);
  expect(components.map(({ id, touched }) => [id, touched])).toEqual([
    ['inputs.looks_for_a_file', ['fs.existsSync']],
    ['inputs.opens_a_port', expect.arrayContaining([expect.any(String)])],
    ['inputs.starts_a_timer', ['Timeout']],
    ['inputs.loads_a_package', expect.anything()],
    ['inputs.does_nothing', []],
  ]);
  expect(components[3]?.loaded).toEqual(['yaml']);
});

test('an exception that names no case is refused, and so is one without a reason', () => {
  const cases = inputCases(tinyInput('none'));
  const stale = { 'emits each item twice': 'it likes to' };
  expect(() => withoutExceptions(cases, stale)).toThrow('stale exception');
  expect(() => withoutExceptions(cases, { 'emits nothing after stop': ' ' })).toThrow('gives no reason');
  const remaining = withoutExceptions(cases, readsAlone('a file has no sender'));
  expect(remaining.length).toBe(cases.length - Object.keys(readsAlone('')).length);
});

type RegistryFault =
  | 'none'
  | 'a folder that nobody lists'
  | 'a type twice'
  | 'a type in camel case'
  | 'a summary without a full stop'
  | 'no signals'
  | 'defaults that are not valid'
  | 'I/O in create'
  | 'a package loaded in create';

function tinyRegistry(fault: RegistryFault): RegistrySubject {
  const good = touchyInputs.find(({ type }) => type === 'does_nothing');
  if (good === undefined) {
    throw new Error('no component to list');
  }
  const changed = {
    ...good,
    ...(fault === 'a type in camel case' ? { type: 'doesNothing' } : {}),
    ...(fault === 'a summary without a full stop' ? { summary: 'Does nothing at all' } : {}),
    ...(fault === 'no signals' ? { signals: [] } : {}),
    ...(fault === 'defaults that are not valid' ? { byDefault: () => ({ port: 1 }) } : {}),
  };
  const component = {
    id: 'inputs.does_nothing',
    touched: fault === 'I/O in create' ? ['fs.openSync'] : [],
    loaded: fault === 'a package loaded in create' ? ['yaml'] : [],
  };
  return {
    inputs: fault === 'a type twice' ? [changed, good] : [changed],
    outputs: [],
    folders: async (room) => {
      const extra = fault === 'a folder that nobody lists' ? ['forgotten'] : [];
      return room === 'inputs' ? ['does-nothing', ...extra] : [];
    },
    probe: async () => ({ packages: ['zod'], components: [component] }),
  };
}

function schemaNames(): readonly string[] {
  return schemaFaults.map(([, caught]) => caught);
}

/**
 * Shows that a suite passes a component without a fault, that it catches each planted fault by the case that names it, and
 * that every case of it can fail. `sameAs`: cases that another suite, with the same code, has shown to bite.
 */
function bites<Fault>(
  suite: string,
  casesOf: (fault: Fault | 'none') => readonly Case[],
  planted: Planted<Fault>,
  options: { readonly sameAs?: readonly string[] },
): void {
  describe(`the ${suite} suite`, () => {
    let outcomes: ReadonlyMap<string, string | undefined>;

    beforeAll(async () => {
      const work = planted.map(
        async ([fault, caught]) => [nameOf(fault), await failureOf(casesOf(fault), caught)] as const,
      );
      outcomes = new Map(
        (await Promise.all(work)).map(([fault, failure], i) => [`${fault} ${planted[i]?.[1]}`, failure]),
      );
    }, 60_000);

    test.each(casesOf('none').map(({ name, run }) => ({ name, run })))(
      'passes a component that $name',
      async ({ run }) => {
        await run();
      },
      30_000,
    );

    test.each(planted.map(([fault, caught]) => ({ fault: nameOf(fault), caught })))(
      'catches one that $fault: $caught',
      ({ fault, caught }) => {
        expect(outcomes.get(`${fault} ${caught}`)).toEqual(expect.any(String));
      },
    );

    test('has no case that was never seen to fail', () => {
      const bitten = new Set([...planted.map(([, caught]) => caught), ...(options.sameAs ?? [])]);
      const names = casesOf('none').map((candidate) => candidate.name);
      expect(names.filter((name) => !bitten.has(name))).toEqual([]);
      expect([...bitten].filter((name) => !names.includes(name))).toEqual([]);
    });
  });
}

async function failureOf(cases: readonly Case[], name: string): Promise<string | undefined> {
  const found = cases.find((candidate) => candidate.name === name);
  try {
    await found?.run();
    return undefined;
  } catch (error) {
    return String(error);
  }
}

function nameOf(fault: unknown): string {
  if (typeof fault === 'object' && fault !== null && 'status' in fault && 'as' in fault) {
    return `takes ${fault.status} for ${fault.as}`;
  }
  return String(fault);
}
