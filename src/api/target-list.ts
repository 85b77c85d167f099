import { z } from 'zod';
import type { BridgeStatus } from '../contract/status.ts';

const count = z.number().optional().catch(undefined);
const word = z.string().optional().catch(undefined);
const lines = z.array(z.string()).optional().catch(undefined);
const pairs = z.record(z.string(), z.string()).optional().catch(undefined);

/** What a scrape says of its target. */
const targetSchema = z.object({
  url: z.string(),
  state: z.enum(['waiting', 'up', 'down']),
  intervalMs: z.number(),
  timeoutMs: count,
  lastMs: count,
  nextMs: count,
  durationMs: count,
  samples: count,
  bytes: count,
  error: word,
  hint: word,
  namespace: word,
  pod: word,
  workload: word,
  rule: word,
  source: word,
  tags: pairs,
  leftOut: lines,
  leftOutCounts: z
    .array(z.object({ rule: z.string(), type: z.string(), families: z.number(), such: z.array(z.string()) }))
    .optional()
    .catch(undefined),
  filtered: count,
  history: z.array(z.number()).optional().catch(undefined),
});

const plannedSchema = z.object({
  url: z.string(),
  written: word,
  rule: z.string(),
  source: z.string(),
  intervalMs: z.number(),
  measurement: word,
  labels: z.record(z.string(), z.string()),
  leftOut: z.array(z.string()),
});

const podSchema = z.object({
  namespace: z.string(),
  pod: z.string(),
  workload: word,
  sidecar: z.boolean().optional().catch(undefined),
  annotations: pairs,
  targets: z.array(plannedSchema),
  faults: z.array(z.string()),
  warnings: z.array(z.string()),
  skipped: word,
});

const watchSchema = z.object({ state: z.string(), pods: count, error: word, hint: word });

type ScrapedTarget = z.output<typeof targetSchema>;
export type PlannedPod = z.output<typeof podSchema>;

/** A page that is scraped. Times are ms since 1970. */
export interface ListedTarget extends Omit<ScrapedTarget, 'tags' | 'leftOut'> {
  /** One of its kind in a list. */
  readonly id: string;
  /** Id of the input that scrapes it. */
  readonly input: string;
  readonly rule: string;
  readonly source: string;
  /** As the annotation has it, where that is not the URL. */
  readonly written?: string;
  readonly measurement?: string;
  /** Added to its series. */
  readonly labels: Readonly<Record<string, string>>;
  readonly leftOut: readonly string[];
}

export interface ListedPod extends Omit<PlannedPod, 'targets'> {
  readonly input: string;
  /** `id` of each of its targets. */
  readonly targets: readonly string[];
}

export interface ListedWatch {
  readonly input: string;
  readonly state: string;
  readonly error?: string | undefined;
  readonly hint?: string | undefined;
}

export interface TargetList {
  readonly nowMs: number;
  readonly node: string;
  readonly counts: Readonly<Record<'up' | 'down' | 'waiting' | 'skipped', number>>;
  /** Of the inputs that look for pods: whether they see them. */
  readonly watches: readonly ListedWatch[];
  readonly targets: readonly ListedTarget[];
  readonly pods: readonly ListedPod[];
}

interface InputPart {
  readonly watches: readonly ListedWatch[];
  readonly targets: readonly ListedTarget[];
  readonly pods: readonly ListedPod[];
}

/** What is scraped and what is not, of all inputs that have targets or look for pods. */
export function targetList(status: BridgeStatus): TargetList {
  // An input has one entry for each of its signals, and says the same in all.
  const inputs = new Map(status.inputs.map((input) => [input.id, input]));
  const parts = [...inputs.values()].map(({ id, type, detail }) => partOf(id, type, detail));
  const targets = parts.flatMap((part) => part.targets);
  const pods = parts.flatMap((part) => part.pods);
  const inState = (state: string): number => targets.filter((target) => target.state === state).length;
  return {
    nowMs: status.nowMs,
    node: status.node,
    counts: {
      up: inState('up'),
      down: inState('down'),
      waiting: inState('waiting'),
      skipped: pods.filter(({ skipped }) => skipped !== undefined).length,
    },
    watches: parts.flatMap((part) => part.watches),
    targets,
    pods,
  };
}

function partOf(input: string, type: string, detail: object | undefined): InputPart {
  const { targets, pods, watch } = { targets: undefined, pods: undefined, watch: undefined, ...detail };
  const planned = each(podSchema, pods);
  const byUrl = new Map(planned.flatMap((pod) => pod.targets.map((target) => [keyOf(pod, target.url), target])));
  const listed = each(targetSchema, targets).map((target) =>
    listedTarget(target, { input, type, planned: byUrl.get(keyOf(target, target.url)) }),
  );
  const seen = watchSchema.safeParse(watch).data;
  return {
    targets: listed,
    pods: planned.map((pod) => ({
      ...pod,
      input,
      targets: pod.targets.map(({ url }) => idOf(input, pod, url)),
    })),
    watches: seen === undefined ? [] : [{ input, ...seen }],
  };
}

interface Context {
  readonly input: string;
  readonly type: string;
  readonly planned: z.output<typeof plannedSchema> | undefined;
}

function listedTarget({ tags, ...target }: ScrapedTarget, { input, type, planned }: Context): ListedTarget {
  const { namespace, pod } = { ...tags, ...target };
  const { written, measurement, labels, leftOut } = planned ?? {};
  return {
    ...target,
    ...(namespace !== undefined && { namespace }),
    ...(pod !== undefined && { pod }),
    id: idOf(input, target, target.url),
    input,
    rule: target.rule ?? `[[inputs.${type}]]`,
    source: target.source ?? type,
    ...(written !== undefined && written !== target.url && { written }),
    ...(measurement !== undefined && { measurement }),
    labels: labels ?? tags ?? {},
    leftOut: target.leftOut ?? leftOut ?? [],
  };
}

interface Named {
  readonly namespace?: string | undefined;
  readonly pod?: string | undefined;
}

function keyOf({ namespace = '', pod = '' }: Named, url: string): string {
  return `${namespace}/${pod} ${url}`;
}

/** Two pods of the host's network may have the same URL. */
function idOf(input: string, named: Named, url: string): string {
  return named.pod === undefined ? `${input} ${url}` : `${input} ${keyOf(named, url)}`;
}

/** What an input says in a shape that is not known is left out. */
function each<T>(schema: z.ZodType<T>, values: unknown): readonly T[] {
  return Array.isArray(values) ? values.flatMap((value) => schema.safeParse(value).data ?? []) : [];
}
