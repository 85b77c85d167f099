import type { BridgeStatus, CursorStatus, InputStatus, LaneStatus } from '../../contract/status.ts';
import { LoopDelay } from '../../telemetry/loop-delay.ts';
import type { Instrument, Reading, Telemetry } from '../../telemetry/telemetry.ts';
import { observeAgents } from './hub-metrics.ts';

/** The numbers that dashboards hold on to (interfaces.md, "Own metrics"), read from the one status of the process. */
export function observeStatus(telemetry: Telemetry, status: () => BridgeStatus): void {
  const observe = (kind: Instrument['kind'], name: string, help: string, labels: string[]) => ({
    from: (read: (now: BridgeStatus) => Iterable<Reading>): void =>
      telemetry.observe({ kind, name, help, labels }, () => read(status())),
  });
  const input = ['input', 'signal'];
  observe('counter', 'meshbridge_input_received_total', 'Items that arrived.', input).from((now) =>
    byInput(now.inputs, (one) => one.received),
  );
  observe('counter', 'meshbridge_input_accepted_total', 'Items that are safe on disk.', input).from((now) =>
    byInput(now.inputs, (one) => one.accepted),
  );
  observe('counter', 'meshbridge_input_refused_total', 'Items that were refused.', [...input, 'reason']).from((now) =>
    now.inputs.flatMap((one) => byReason(one.refused, { input: one.type, signal: one.signal })).reduce(sum, []),
  );
  observe('counter', 'meshbridge_dropped_total', 'Items dropped, by who did it.', [
    'component',
    'signal',
    'reason',
  ]).from((now) => dropped(now));
  observe('counter', 'meshbridge_output_delivered_total', 'Items delivered.', ['output', 'signal']).from((now) =>
    byCursor(now.lanes, (cursor) => cursor.delivered),
  );
  observe('counter', 'meshbridge_output_retries_total', 'Attempts that did not go through and were made again.', [
    'output',
    'reason',
  ]).from((now) =>
    now.lanes
      .flatMap((lane) => lane.outputs.flatMap((one) => byReason(one.retriesByCause ?? {}, { output: one.output })))
      .reduce(sum, []),
  );
  observe('gauge', 'meshbridge_output_lag_seconds', 'Age of the oldest item not delivered.', ['output', 'signal']).from(
    (now) => byCursor(now.lanes, (cursor) => ageSeconds(now.nowMs, cursor)),
  );
  observe('gauge', 'meshbridge_output_circuit_open', '1 while the far side does not take data.', [
    'output',
    'signal',
  ]).from((now) => byCursor(now.lanes, ({ circuit = 'closed' }) => (circuit === 'closed' ? 0 : 1)));
  observe('gauge', 'meshbridge_queue_bytes', 'Bytes that wait.', ['output', 'signal']).from((now) =>
    byCursor(now.lanes, (cursor) => cursor.queuedBytes),
  );
  observe('gauge', 'meshbridge_queue_items', 'Items that wait.', ['output', 'signal']).from((now) =>
    byCursor(now.lanes, (cursor) => cursor.queuedItems),
  );
  observe('gauge', 'meshbridge_queue_oldest_seconds', 'Age of the oldest item that waits.', ['output', 'signal']).from(
    (now) => byCursor(now.lanes, (cursor) => ageSeconds(now.nowMs, cursor)),
  );
  observe('gauge', 'meshbridge_lane_bytes', 'Bytes of the log on disk.', ['signal']).from((now) =>
    now.lanes.map((lane) => ({ labels: { signal: lane.signal }, value: lane.bytes })),
  );
  observeAgents(telemetry, status);
  observeEventLoop(telemetry);
}

function observeEventLoop(telemetry: Telemetry): void {
  const delay = new LoopDelay();
  telemetry.observe(
    {
      kind: 'gauge',
      name: 'meshbridge_event_loop_delay_seconds',
      help: 'Delay of the event loop since the last page.',
      labels: ['quantile'],
    },
    () => {
      const readings = [50, 99].map((percent) => ({
        labels: { quantile: String(percent / 100) },
        value: delay.seconds(percent),
      }));
      delay.reset();
      return readings;
    },
  );
}

function ageSeconds(nowMs: number, cursor: CursorStatus): number {
  return cursor.oldestMs === undefined ? 0 : Math.max(0, nowMs - cursor.oldestMs) / 1000;
}

function byInput(inputs: readonly InputStatus[], value: (input: InputStatus) => number): Reading[] {
  return inputs.map((one) => ({ labels: { input: one.type, signal: one.signal }, value: value(one) })).reduce(sum, []);
}

function byCursor(lanes: readonly LaneStatus[], value: (cursor: CursorStatus) => number): Reading[] {
  return lanes.flatMap((lane) =>
    lane.outputs.map((cursor) => ({ labels: { output: cursor.output, signal: lane.signal }, value: value(cursor) })),
  );
}

function byReason(counts: Readonly<Record<string, number>>, labels: Record<string, string>): Reading[] {
  return Object.entries(counts).map(([reason, value]) => ({ labels: { ...labels, reason }, value }));
}

function dropped(now: BridgeStatus): Reading[] {
  const before = now.inputs.flatMap((one) => byReason(one.dropped, { component: one.type, signal: one.signal }));
  const after = now.lanes.flatMap((lane) =>
    lane.outputs.flatMap((cursor) => byReason(cursor.dropped, { component: cursor.output, signal: lane.signal })),
  );
  return [...before, ...after].reduce(sum, []);
}

/** Several instances of one type are one row. */
function sum(rows: Reading[], next: Reading): Reading[] {
  const key = JSON.stringify(next.labels);
  const at = rows.findIndex((row) => JSON.stringify(row.labels) === key);
  const row = rows[at];
  if (row === undefined) {
    return [...rows, next];
  }
  return rows.with(at, { labels: row.labels, value: row.value + next.value });
}
