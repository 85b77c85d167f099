import { bytesText, countText, timeText } from '../lib/words.ts';
import { detailsOf, type MonitorCursor, type MonitorLane, type MonitorStatus } from './monitor-status.ts';

/** `bad`: something was lost, or is being refused. */
export interface Trouble {
  readonly tone: 'warn' | 'bad';
  readonly text: string;
}

/** What filters leave out was asked for. */
const wanted = 'filtered';

/** What a human should look at, the worst first. */
export function troublesOf(status: MonitorStatus): readonly Trouble[] {
  const { inputs, lanes, warnings, nowMs } = status;
  const all = [
    ...reloadTroubles(status),
    ...lanes.flatMap(laneTroubles),
    ...lanes.flatMap(({ signal, outputs }) => outputs.flatMap((cursor) => outputTroubles(signal, cursor, nowMs))),
    ...inputs.flatMap(({ id, refused, dropped }): readonly Trouble[] => [
      ...Object.entries(refused).map(([why, n]) => warning(`${id} refused ${countText(n)}: ${why}`)),
      ...Object.entries(dropped)
        .filter(([why]) => why !== wanted)
        .map(([why, n]) => warning(`${id} dropped ${countText(n)}: ${why}`)),
    ]),
    ...detailsOf(status).flatMap(({ problem, targets }) => [
      ...(problem === undefined ? [] : [warning(problem)]),
      ...targets
        .filter(({ state }) => state === 'down')
        .map(({ url, error = '', hint }) => warning(`${url}: ${error}${hint === undefined ? '' : `; ${hint}`}`)),
    ]),
    ...warnings.map((text) => warning(text)),
  ];
  return all.toSorted((a, b) => (a.tone === b.tone ? 0 : a.tone === 'bad' ? -1 : 1));
}

function reloadTroubles({ reload, nowMs }: MonitorStatus): readonly Trouble[] {
  if (reload === undefined) {
    return [];
  }
  const { ok, faults, changed, lastAtMs, atNextStart, frozenFiles } = reload;
  const age = timeText(Math.max(0, nowMs - lastAtMs));
  const [first = '', ...others] = faults;
  const more = others.length === 0 ? '' : ` (and ${others.length} more; “meshbridge check” shows all)`;
  const how = changed.length > 0 ? 'was taken only in part' : 'was not taken, the last good one goes on';
  return [
    ...(ok ? [] : [bad(`the new configuration ${how} (${age} ago): ${first}${more}`)]),
    ...atNextStart.map((key) => warning(`${key}: the new value takes effect at the next start`)),
    ...frozenFiles.map((file) =>
      warning(
        `${file}: mounted by subPath, changes are never seen; mount the directory of the ConfigMap, or restart after each change`,
      ),
    ),
  ];
}

function laneTroubles({ signal, full, losses }: MonitorLane): readonly Trouble[] {
  return [
    ...(full === undefined ? [] : [bad(`the queue of ${signal} takes nothing more: ${full}`)]),
    ...losses.map(({ segment, bytes, items, reason }) =>
      bad(
        `${items === undefined ? bytesText(bytes) : countText(items)} of ${signal} were lost in ${segment}: ${reason}`,
      ),
    ),
  ];
}

function outputTroubles(signal: string, cursor: MonitorCursor, nowMs: number): readonly Trouble[] {
  const { output, state, lastError = '', nextAttemptMs, dropped } = cursor;
  const next = nextAttemptMs === undefined ? '' : `; next try in ${timeText(Math.max(0, nextAttemptMs - nowMs))}`;
  return [
    ...(state === 'retrying' ? [warning(`${output} does not take ${signal}: ${lastError}${next}`)] : []),
    ...(state === 'stopped' ? [bad(`${output} has stopped taking ${signal}`)] : []),
    ...Object.entries(dropped)
      .filter(([, count]) => count > 0)
      .map(([why, count]) => bad(`${output} has lost ${countText(count)} of ${signal} for good: ${why}`)),
  ];
}

function warning(text: string): Trouble {
  return { tone: 'warn', text };
}

function bad(text: string): Trouble {
  return { tone: 'bad', text };
}
