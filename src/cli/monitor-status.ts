import { z } from 'zod';

const count = z.number().catch(0);
const counts = z.record(z.string(), z.number()).catch({});
const word = z.string().catch('');
const maybeWord = z.string().optional().catch(undefined);
const maybeCount = z.number().optional().catch(undefined);

const targetSchema = z.object({
  url: word,
  state: word,
  samples: maybeCount,
  durationMs: maybeCount,
  error: maybeWord,
  hint: maybeWord,
});

/** Lists that an input of another kind has under the same name are none of these. */
const detailSchema = z
  .object({
    targets: z.array(targetSchema).catch([]).default([]),
    files: z.array(z.unknown()).catch([]).default([]),
    logs: maybeCount,
    lines: maybeCount,
    lagBytes: maybeCount,
    problem: maybeWord,
    agents: z
      .array(z.object({ node: word, lastSeenMs: count }))
      .catch([])
      .default([]),
  })
  .catch({
    targets: [],
    files: [],
    agents: [],
    logs: undefined,
    lines: undefined,
    lagBytes: undefined,
    problem: undefined,
  })
  .default({ targets: [], files: [], agents: [] });

const inputSchema = z.object({
  id: z.string(),
  type: word,
  signal: word,
  received: count,
  accepted: count,
  refused: counts,
  dropped: counts,
  detail: detailSchema,
});

const cursorSchema = z.object({
  output: z.string(),
  delivered: count,
  dropped: counts,
  lost: count,
  queuedItems: count,
  queuedBytes: count,
  oldestMs: maybeCount,
  state: word,
  retries: count,
  lastError: maybeWord,
  nextAttemptMs: maybeCount,
});

const laneSchema = z.object({
  signal: z.string(),
  bytes: count,
  maxBytes: count,
  cumItems: count,
  full: maybeWord,
  losses: z.array(z.object({ segment: word, bytes: count, items: maybeCount, reason: word })).catch([]),
  outputs: z.array(cursorSchema),
});

const lines = z.array(z.string()).catch([]).default([]);

const reloadSchema = z.object({
  ok: z.boolean(),
  generation: count,
  lastAtMs: count,
  lastGoodAtMs: count,
  faults: lines,
  changed: lines,
  atNextStart: lines,
  frozenFiles: lines,
});

const statusSchema = z.object({
  version: word,
  startedAtMs: z.number(),
  nowMs: z.number(),
  node: word,
  pid: count,
  warnings: z.array(z.string()).catch([]),
  reload: reloadSchema.optional().catch(undefined),
  listeners: z.array(z.object({ name: word, address: maybeWord })).catch([]),
  inputs: z.array(inputSchema),
  lanes: z.array(laneSchema),
  store: z.unknown().optional(),
  disk: z.object({ freeBytes: count, totalBytes: count, minFreeBytes: count }).optional().catch(undefined),
  ready: z.boolean().catch(false),
  notReady: z.array(z.string()).catch([]),
});

/** What the terminal shows of `/api/native/status`; a daemon of another version shows less, not nothing. */
export type MonitorStatus = z.output<typeof statusSchema>;
export type MonitorInput = MonitorStatus['inputs'][number];
export type MonitorLane = MonitorStatus['lanes'][number];
export type MonitorCursor = MonitorLane['outputs'][number];
export type MonitorTarget = MonitorInput['detail']['targets'][number];

/** Undefined for what is no status at all. */
export function readMonitorStatus(value: unknown): MonitorStatus | undefined {
  return statusSchema.safeParse(value).data;
}

/** An input has one entry for each of its signals, and says the same in all. */
export function detailsOf({ inputs }: MonitorStatus): readonly MonitorInput['detail'][] {
  return [...new Map(inputs.map(({ id, detail }) => [id, detail])).values()];
}
