import { bytesText, countText, rateText, timeText } from '../lib/words.ts';
import { inputKey, laneKey, type MonitorRates, outputKey } from './monitor-rates.ts';
import { detailsOf, type MonitorLane, type MonitorStatus, type MonitorTarget } from './monitor-status.ts';
import { type Cell, type Column, cutTo, type Table, type Tone, tableLines } from './monitor-table.ts';
import { troublesOf } from './monitor-troubles.ts';
import { harmless, type Paint } from './paint.ts';

export interface MonitorState {
  readonly to: string;
  readonly status?: MonitorStatus;
  readonly rates: MonitorRates;
  /** Why the daemon does not answer, and since when. */
  readonly away?: { readonly why: string; readonly forMs: number };
}

export interface ViewOptions {
  readonly columns: number;
  readonly paint: Paint;
}

const mostTargets = 8;
const mostErrors = 12;
const sparkWidth = 20;

/** All that is shown, from top to bottom; no line is wider than the terminal. */
export function monitorLines({ to, status, rates, away }: MonitorState, options: ViewOptions): readonly string[] {
  const { columns, paint } = options;
  const waiting = away === undefined ? [] : [paint.warn(cutTo(harmless(waitingText(to, away)), columns))];
  if (status === undefined) {
    return waiting.length > 0 ? waiting : [paint.dim(cutTo(`asking ${to} …`, columns))];
  }
  const sections: readonly (readonly string[])[] = [
    headLines(to, status, options),
    inputLines(status, rates, options),
    targetLines(status, options),
    agentLines(status, options),
    fileLines(status, options),
    section('QUEUE', queueTable(status, rates), options),
    section('OUTPUTS', outputsTable(status, rates), options),
    errorLines(status, options),
  ];
  return [
    ...waiting,
    ...sections.filter((lines) => lines.length > 0).flatMap((lines, i) => (i === 0 ? lines : ['', ...lines])),
  ];
}

function waitingText(to: string, { why, forMs }: { readonly why: string; readonly forMs: number }): string {
  const since = forMs < 1_000 ? '' : `, for ${timeText(forMs)} now`;
  return `waiting for the daemon at ${to}${since}: ${why}`;
}

function headLines(to: string, status: MonitorStatus, { columns, paint }: ViewOptions): readonly string[] {
  const { version, node, nowMs, startedAtMs, ready, notReady, listeners, disk, store } = status;
  const state = ready ? '' : ` – not ready: ${notReady.join(', ')}`;
  const up = timeText(Math.max(0, nowMs - startedAtMs));
  const title = cutTo(harmless(`meshbridge ${version} on ${node}, up ${up}, ${to}${state}`), columns);
  const places = listeners.flatMap(({ name, address }) => (address === undefined ? [] : [`${name} ${address}`]));
  const room = disk === undefined ? [] : [`${bytesText(disk.freeBytes)} of ${bytesText(disk.totalBytes)} free on disk`];
  const about = [...places, ...room, store === undefined ? 'no store' : 'store on'].join(' · ');
  return [ready ? paint.strong(title) : paint.bad(title), paint.dim(cutTo(harmless(about), columns))];
}

function section(title: string, table: Table, { columns, paint }: ViewOptions): readonly string[] {
  return table.rows.length === 0
    ? []
    : tableLines(
        { ...table, columns: table.columns.map((column, i) => (i === 0 ? { ...column, title } : column)) },
        columns,
        paint,
      );
}

const left = (title: string, rank: number): Column => ({ title, align: 'left', rank });
const right = (title: string, rank: number): Column => ({ title, align: 'right', rank });

function number(value: number, tone?: Tone): Cell {
  return value === 0 ? { text: '0', tone: 'dim' } : { text: countText(value), ...(tone && { tone }) };
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** Those that brought something; the others are counted. */
function inputLines({ inputs }: MonitorStatus, rates: MonitorRates, options: ViewOptions): readonly string[] {
  const active = inputs.filter(({ received }) => received > 0);
  const shown = active.length > 0 ? active : inputs;
  const names = new Set(inputs.filter((input) => !shown.includes(input)).map(({ id }) => shortId(id)));
  for (const { id } of active) {
    names.delete(shortId(id));
  }
  const ready = [...names].join(', ');
  const lines = section('INPUTS', inputsTable(shown, rates), options);
  return ready === '' ? lines : [...lines, options.paint.dim(cutTo(harmless(`ready: ${ready}`), options.columns))];
}

function shortId(id: string): string {
  return id.replace(/^inputs\./, '');
}

function inputsTable(inputs: MonitorStatus['inputs'], rates: MonitorRates): Table {
  return {
    columns: [
      left('', 0),
      left('signal', 2),
      right('accepted', 1),
      right('rate', 0),
      right('refused', 3),
      right('dropped', 4),
    ],
    rows: inputs.map(({ id, signal, accepted, refused, dropped }) => [
      { text: shortId(id) },
      { text: signal },
      number(accepted),
      { text: rateText(rates.rate(inputKey(id, signal))) },
      number(total(refused), 'warn'),
      number(total(dropped), 'bad'),
    ]),
  };
}

const tones: Readonly<Record<string, Tone>> = { up: 'good', down: 'bad' };
const order = ['down', 'waiting', 'up'];

function targetLines(status: MonitorStatus, { columns, paint }: ViewOptions): readonly string[] {
  const targets = detailsOf(status).flatMap((detail) => detail.targets);
  if (targets.length === 0) {
    return [];
  }
  const counted = order.map((state) => `${targets.filter((target) => target.state === state).length} ${state}`);
  const sorted = targets.toSorted((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  const few = sorted.slice(0, mostTargets);
  const more = sorted.length > few.length ? [paint.dim(`and ${sorted.length - few.length} more`)] : [];
  const table: Table = {
    columns: [left(`TARGETS  ${counted.join(', ')}`, 0), right('samples', 1), right('took', 2), left('state', 0)],
    rows: few.map((target) => [
      { text: target.url },
      target.samples === undefined ? { text: '–' } : number(target.samples),
      { text: target.durationMs === undefined ? '–' : timeText(Math.round(target.durationMs)) },
      stateCell(target),
    ]),
  };
  return [...tableLines(table, columns, paint), ...more];
}

function stateCell({ state }: MonitorTarget): Cell {
  return { text: state, tone: tones[state] ?? 'dim' };
}

function agentLines(status: MonitorStatus, { columns, paint }: ViewOptions): readonly string[] {
  const agents = detailsOf(status).flatMap((detail) => detail.agents);
  if (agents.length === 0) {
    return [];
  }
  const names = agents.map(({ node, lastSeenMs }) => `${node} ${timeText(Math.max(0, status.nowMs - lastSeenMs))} ago`);
  return [paint.dim('AGENTS'), cutTo(harmless(`${agents.length}: ${names.join(', ')}`), columns)];
}

function fileLines(status: MonitorStatus, { columns, paint }: ViewOptions): readonly string[] {
  const followed = detailsOf(status).filter(({ logs }) => logs !== undefined);
  if (followed.length === 0) {
    return [];
  }
  const sum = (value: (one: (typeof followed)[number]) => number | undefined): number =>
    followed.reduce((all, one) => all + (value(one) ?? 0), 0);
  const behind = sum(({ lagBytes }) => lagBytes);
  const text = [
    `${countText(sum(({ logs }) => logs))} containers in ${countText(sum(({ files }) => files.length))} files`,
    `${countText(sum(({ lines }) => lines))} lines`,
    behind === 0 ? 'none behind' : `${bytesText(behind)} behind`,
  ].join(', ');
  return [paint.dim('FILES'), cutTo(text, columns)];
}

function queueTable({ lanes, nowMs }: MonitorStatus, rates: MonitorRates): Table {
  return {
    columns: [
      left('', 0),
      left('used', 0),
      right('bytes', 1),
      right('cap', 4),
      right('waiting', 2),
      right('oldest', 3),
      right('rate', 1),
      left('', 5),
    ],
    rows: lanes.map((lane) => {
      const share = lane.maxBytes > 0 ? lane.bytes / lane.maxBytes : 0;
      const tone = lane.full !== undefined || share > 0.9 ? 'bad' : share > 0.5 ? 'warn' : undefined;
      const oldest = Math.min(...lane.outputs.map(({ oldestMs }) => oldestMs ?? Number.POSITIVE_INFINITY));
      return [
        { text: lane.signal },
        { text: bar(share, 10), ...(tone && { tone }) },
        { text: bytesText(lane.bytes), ...(tone && { tone }) },
        { text: bytesText(lane.maxBytes) },
        number(waitingIn(lane)),
        { text: Number.isFinite(oldest) ? timeText(Math.max(0, nowMs - oldest)) : '–' },
        { text: rateText(rates.rate(laneKey(lane.signal))) },
        { text: spark(rates.history(laneKey(lane.signal), sparkWidth)), tone: 'dim' },
      ];
    }),
  };
}

function waitingIn({ outputs }: MonitorLane): number {
  return Math.max(0, ...outputs.map(({ queuedItems }) => queuedItems));
}

const stateTones: Readonly<Record<string, Tone>> = { idle: 'good', sending: 'good', retrying: 'warn', stopped: 'bad' };

function outputsTable({ lanes, nowMs }: MonitorStatus, rates: MonitorRates): Table {
  const rows = lanes.flatMap(({ signal, outputs }) => outputs.map((cursor) => ({ signal, cursor })));
  return {
    columns: [
      left('', 0),
      left('signal', 1),
      left('state', 0),
      right('delivered', 1),
      right('rate', 2),
      right('waiting', 2),
      right('oldest', 3),
      right('retries', 4),
      right('dropped', 3),
    ],
    rows: rows
      .toSorted((a, b) => (a.cursor.output < b.cursor.output ? -1 : a.cursor.output > b.cursor.output ? 1 : 0))
      .map(({ signal, cursor }) => [
        { text: cursor.output },
        { text: signal },
        { text: cursor.state, tone: stateTones[cursor.state] ?? 'dim' },
        number(cursor.delivered),
        { text: rateText(rates.rate(outputKey(signal, cursor.output))) },
        number(cursor.queuedItems),
        { text: cursor.oldestMs === undefined ? '–' : timeText(Math.max(0, nowMs - cursor.oldestMs)) },
        number(cursor.retries),
        number(total(cursor.dropped) + cursor.lost, 'bad'),
      ]),
  };
}

function errorLines(status: MonitorStatus, { columns, paint }: ViewOptions): readonly string[] {
  const all = troublesOf(status);
  if (all.length === 0) {
    return [paint.good('no errors')];
  }
  const shown = all.slice(0, mostErrors);
  return [
    paint.dim('ERRORS'),
    ...shown.map(({ tone, text }) => paint[tone](cutTo(harmless(text), columns))),
    ...(all.length > shown.length ? [paint.dim(`and ${all.length - shown.length} more`)] : []),
  ];
}

function bar(share: number, width: number): string {
  const full = Math.round(Math.min(1, share) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}

const steps = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

function spark(values: readonly number[]): string {
  const most = Math.max(...values, 0);
  return values.map((value) => steps[most === 0 ? 0 : Math.round((value / most) * (steps.length - 1))]).join('');
}
