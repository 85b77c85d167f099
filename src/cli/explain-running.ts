import { z } from 'zod';
import { BridgeError } from '../contract/errors.ts';
import type { PodExplanation } from '../contract/status.ts';

const waitMs = 5_000;

const targetSchema = z.object({
  url: z.string(),
  state: z.enum(['waiting', 'up', 'down']),
  samples: z.number().optional(),
  bytes: z.number().optional(),
  durationMs: z.number().optional(),
  error: z.string().optional(),
  hint: z.string().optional(),
  /** What the settings left out of its page, in words. */
  leftOut: z.array(z.string()).optional(),
});
export type TargetState = z.output<typeof targetSchema>;

const podSchema: z.ZodType<PodExplanation> = z.object({
  namespace: z.string(),
  pod: z.string(),
  targets: z.array(
    z.object({
      url: z.string(),
      written: z.string().exactOptional(),
      rule: z.string(),
      source: z.string(),
      intervalMs: z.number(),
      measurement: z.string().exactOptional(),
      labels: z.record(z.string(), z.string()),
      leftOut: z.array(z.string()),
    }),
  ),
  faults: z.array(z.string()),
  warnings: z.array(z.string()),
  skipped: z.string().exactOptional(),
  logs: z
    .array(
      z.object({
        container: z.string(),
        rule: z.string().exactOptional(),
        leftOut: z.string().exactOptional(),
        source: z.string(),
        tags: z.record(z.string(), z.string()),
        done: z.array(z.string()),
      }),
    )
    .exactOptional(),
});

/** A page of the configuration that is not on the daemon's machine. */
const pageSchema = z.object({
  url: z.string(),
  /** Who scrapes it. */
  said: z.string(),
  targets: z.array(z.string()),
  error: z.string().optional(),
  hint: z.string().optional(),
});
export type ConfiguredPageState = z.output<typeof pageSchema>;

const detailSchema = z.object({
  watch: z.object({ error: z.string().optional(), hint: z.string().optional() }),
  targets: z.array(targetSchema),
  pods: z.array(podSchema),
  configured: z.array(pageSchema).default([]),
  warnings: z.array(z.string()).default([]),
});
const statusSchema = z.object({ inputs: z.array(z.object({ id: z.string(), detail: z.unknown().optional() })) });

export interface RunningPods {
  readonly pods: readonly PodExplanation[];
  readonly targets: readonly TargetState[];
  readonly configured: readonly ConfiguredPageState[];
  /** Why some may be missing. */
  readonly warnings: readonly string[];
}

/** The pods that a running daemon knows. Throws BRIDGE_START where none answers, BRIDGE_NOT_FOUND where it looks for none. */
export async function askDaemon(to: string): Promise<RunningPods> {
  const status = statusSchema.safeParse(await get(to));
  const found = status.data?.inputs.find(({ id }) => id === 'kubernetes');
  const { data: detail } = detailSchema.safeParse(found?.detail);
  if (detail === undefined) {
    throw new BridgeError(
      'BRIDGE_NOT_FOUND',
      `the daemon at ${to} looks for no pods: it is in no cluster, or [kubernetes] discovery is "off"`,
    );
  }
  const { error, hint } = detail.watch;
  const stale =
    error === undefined ? [] : [`the pods are as last seen: ${error}${hint === undefined ? '' : `; ${hint}`}`];
  const { pods, targets, configured } = detail;
  return { pods, targets, configured, warnings: [...stale, ...detail.warnings] };
}

async function get(to: string): Promise<unknown> {
  try {
    const answer = await fetch(new URL('/api/native/status', to), { signal: AbortSignal.timeout(waitMs) });
    if (!answer.ok) {
      throw new Error(`HTTP ${answer.status}`);
    }
    return await answer.json();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `no daemon answers at ${to} (${why}); name another with --to, or a manifest with -f`;
    throw new BridgeError('BRIDGE_START', message, { cause });
  }
}
