import { z } from 'zod';
import type { BridgeStatus, CursorStatus, LaneStatus } from '../../contract/status.ts';
import { bytesText, timeText } from '../../lib/words.ts';
import type { SetupFacts } from './facts.ts';
import { type Light, light, named } from './light.ts';
import { agentsCommand, connectCommand, storeTable } from './snippets.ts';

const heardWithinMs = 120_000;
/** An output that is away for longer than this is more than a restart. */
const longAwayMs = 300_000;
const hubOutput = 'hub';

const agentsSchema = z.object({
  agents: z.array(
    z.object({
      node: z.string(),
      version: z.string().default(''),
      lastSeenMs: z.number(),
      skewMs: z.number().optional(),
    }),
  ),
});
export type Agent = z.output<typeof agentsSchema>['agents'][number];

/** The agents that this hub has heard; none where it is no hub. */
export function agentsOf({ inputs }: BridgeStatus): readonly Agent[] {
  const hub = inputs.find(({ type }) => type === 'hub');
  return agentsSchema.safeParse(hub?.detail).data?.agents ?? [];
}

export function agentsLight({ status }: SetupFacts): Light {
  const id = 'agents';
  const agents = agentsOf(status);
  const { node, nowMs } = status;
  if (agents.length === 0) {
    const values = { node, page: status.hub?.page ?? '' };
    switch (status.role) {
      case 'hub':
        return light({ id, state: 'yellow', text: 'agentsNone', snippet: agentsCommand(status) });
      case 'agent':
        return light({ id, state: 'unknown', text: 'agentsAgent', values });
      default:
        return light({ id, state: 'unknown', text: 'agentsAlone', values });
    }
  }
  const heard = agents.filter(({ lastSeenMs }) => nowMs - lastSeenMs <= heardWithinMs);
  const silent = agents.filter((agent) => !heard.includes(agent));
  const values = { heard: heard.length, all: agents.length, within: timeText(heardWithinMs) };
  if (silent.length > 0) {
    const names = named(silent.map((agent) => `${agent.node} (${timeText(nowMs - agent.lastSeenMs)})`));
    return light({
      id,
      state: heard.length === 0 ? 'red' : 'yellow',
      text: 'agentsSome',
      values: { ...values, names },
      snippet: agentsCommand(status),
    });
  }
  const versions = new Set(agents.map(({ version }) => version));
  return versions.size > 1
    ? light({
        id,
        state: 'yellow',
        text: 'agentsVersions',
        values: { ...values, names: named([...versions].sort()) },
        ...(status.tokenSecret !== undefined && { snippet: agentsCommand(status) }),
      })
    : light({ id, state: 'green', text: 'agentsAll', values: { ...values, names: named(agents.map((a) => a.node)) } });
}

export function hubLight({ status }: SetupFacts): Light {
  const id = 'hub';
  const cursors = cursorsOf(status, hubOutput);
  if (cursors.length === 0) {
    switch (status.role) {
      case 'hub':
        return light({ id, state: 'green', text: 'hubIs' });
      case 'agent':
        return light({ id, state: 'green', text: 'hubElsewhere' });
      default:
        return light({ id, state: 'unknown', text: 'hubNone' });
    }
  }
  const away = cursors.find(({ cursor }) => isAway(cursor));
  return away === undefined
    ? light({ id, state: 'green', text: 'hubTaking', values: { count: delivered(cursors), waiting: waiting(cursors) } })
    : light({
        id,
        state: awayState(cursors, status),
        text: 'hubAway',
        values: awayValues(cursors, status),
        snippet: connectCommand,
      });
}

/** One for each output but the store, which has no far side; one in their place where there is none. */
export function outputLights(facts: SetupFacts): readonly Light[] {
  const { status } = facts;
  const names = new Set(status.lanes.flatMap(({ outputs }) => outputs.map(({ output }) => output)));
  names.delete('store');
  names.delete(hubOutput);
  if (names.size > 0) {
    return [...names].sort().map((name) => outputLight(status, name));
  }
  const id = 'outputs';
  if (cursorsOf(status, hubOutput).length > 0) {
    return [];
  }
  return status.store === undefined
    ? [light({ id, state: 'red', text: 'outputsNowhere', snippet: storeTable })]
    : [light({ id, state: 'green', text: 'outputsNone' })];
}

interface PlacedCursor {
  readonly signal: string;
  readonly cursor: CursorStatus;
}

function cursorsOf({ lanes }: BridgeStatus, output: string): readonly PlacedCursor[] {
  return lanes.flatMap(({ signal, outputs }) =>
    outputs.filter((cursor) => cursor.output === output).map((cursor) => ({ signal, cursor })),
  );
}

function outputLight(status: BridgeStatus, output: string): Light {
  const id = `outputs.${output}`;
  const cursors = cursorsOf(status, output);
  const stopped = cursors.filter(({ cursor }) => cursor.state === 'stopped');
  if (stopped.length > 0) {
    return light({ id, state: 'red', text: 'outputStopped', values: { output, signals: signalsOf(stopped) } });
  }
  if (cursors.some(({ cursor }) => isAway(cursor))) {
    return light({
      id,
      state: awayState(cursors, status),
      text: 'outputAway',
      values: { output, ...awayValues(cursors, status) },
      snippet: connectCommand,
    });
  }
  const dropped = cursors.flatMap(({ cursor }) => Object.entries(cursor.dropped).filter(([, count]) => count > 0));
  if (dropped.length > 0) {
    const values = {
      output,
      dropped: dropped.reduce((sum, [, count]) => sum + count, 0),
      reason: [...new Set(dropped.map(([reason]) => reason))].join(', '),
    };
    return light({ id, state: 'yellow', text: 'outputDropped', values });
  }
  const values = { output, count: delivered(cursors), waiting: waiting(cursors) };
  return light({ id, state: 'green', text: 'outputTaking', values });
}

function isAway({ state }: CursorStatus): boolean {
  return state === 'retrying' || state === 'stopped';
}

function awayState(cursors: readonly PlacedCursor[], status: BridgeStatus): 'yellow' | 'red' {
  return status.nowMs - oldestMs(cursors, status) > longAwayMs ? 'red' : 'yellow';
}

function oldestMs(cursors: readonly PlacedCursor[], { nowMs }: BridgeStatus): number {
  return Math.min(...cursors.filter(({ cursor }) => isAway(cursor)).map(({ cursor }) => cursor.oldestMs ?? nowMs));
}

function awayValues(cursors: readonly PlacedCursor[], status: BridgeStatus) {
  const away = cursors.filter(({ cursor }) => isAway(cursor));
  return {
    signals: signalsOf(away),
    error: away.map(({ cursor }) => cursor.lastError).find((text) => text !== undefined) ?? 'no reason is known',
    waiting: waiting(away),
    age: timeText(status.nowMs - oldestMs(cursors, status)),
  };
}

function signalsOf(cursors: readonly PlacedCursor[]): string {
  return cursors.map(({ signal }) => signal).join(', ');
}

function delivered(cursors: readonly PlacedCursor[]): number {
  return cursors.reduce((sum, { cursor }) => sum + cursor.delivered, 0);
}

function waiting(cursors: readonly PlacedCursor[]): number {
  return cursors.reduce((sum, { cursor }) => sum + cursor.queuedItems, 0);
}

export function diskLight({ status: { disk } }: SetupFacts): Light {
  const id = 'disk';
  if (disk === undefined) {
    return light({ id, state: 'unknown', text: 'diskUnknown' });
  }
  const { dir, freeBytes, totalBytes, minFreeBytes } = disk;
  const values = {
    dir,
    free: bytesText(freeBytes),
    total: bytesText(totalBytes),
    floor: bytesText(minFreeBytes),
  };
  const snippet = `du -sh ${dir}/*`;
  if (freeBytes < minFreeBytes) {
    return light({ id, state: 'red', text: 'diskFull', values, snippet });
  }
  return freeBytes < minFreeBytes * 1.5
    ? light({ id, state: 'yellow', text: 'diskLow', values, snippet })
    : light({ id, state: 'green', text: 'diskRoom', values });
}

export function queueLight({ status: { lanes, disk } }: SetupFacts): Light {
  const id = 'queue';
  const snippet = `meshbridge queue inspect${disk === undefined ? '' : ` --data-dir ${disk.dir}`}`;
  const full = lanes.find((lane) => lane.full !== undefined);
  if (full !== undefined) {
    const values = { signal: full.signal, reason: full.full ?? '' };
    return light({ id, state: 'red', text: 'queueFull', values, snippet });
  }
  const fullest = lanes.toSorted((a, b) => shareOf(b) - shareOf(a))[0];
  const signal = fullest?.signal ?? '';
  const share = Math.round((fullest === undefined ? 0 : shareOf(fullest)) * 100);
  return share > 50
    ? light({ id, state: share > 90 ? 'red' : 'yellow', text: 'queueFilling', values: { signal, share }, snippet })
    : light({
        id,
        state: 'green',
        text: 'queueRoom',
        values: {
          used: bytesText(lanes.reduce((sum, lane) => sum + lane.bytes, 0)),
          cap: bytesText(lanes.reduce((sum, lane) => sum + lane.maxBytes, 0)),
          signal,
          share,
        },
      });
}

function shareOf({ bytes, maxBytes }: LaneStatus): number {
  return maxBytes > 0 ? bytes / maxBytes : 0;
}

export function configLight({ status: { warnings, configFiles } }: SetupFacts): Light {
  const id = 'configuration';
  const [first] = warnings;
  if (first !== undefined) {
    const values = { count: warnings.length, first };
    return light({ id, state: 'yellow', text: 'configWarnings', values, snippet: 'meshbridge check' });
  }
  return configFiles.length === 0
    ? light({ id, state: 'green', text: 'configDefaults' })
    : light({ id, state: 'green', text: 'configGood', values: { files: configFiles.length } });
}
