import type { Counts, LaneView, OutputView, ReloadView, StatusView } from './api.ts';
import { bytesText, countText, spanText } from './format.ts';
import type { TextKey, TextValues } from './texts.ts';

/** `error`: data was lost, is being refused, or the daemon is not ready. `warning`: nothing was lost. */
export interface Problem {
  readonly level: 'error' | 'warning';
  readonly what: TextKey;
  readonly todo: TextKey;
  readonly values: TextValues;
}

/** What a human should look at, worst first. */
export function problemsOf(status: StatusView): readonly Problem[] {
  const found: Problem[] = [
    ...status.notReady.map((reason): Problem => error('notReady', 'notReadyTodo', { reason })),
    ...(status.reload === undefined ? [] : reloadProblems(status.reload, status.nowMs)),
    ...status.lanes.flatMap((lane) => laneProblems(lane, status.nowMs)),
    ...checkProblems(status),
    ...status.inputs.flatMap((input): readonly Problem[] => {
      const entries = Object.entries({ ...input.refused });
      return entries.map(([reason, count]) => {
        const values = { input: input.id, count: countText(count), reason };
        return { level: 'warning', what: 'inputRefused', todo: refusedTodo(reason), values };
      });
    }),
    ...status.inputs.flatMap((input) =>
      Object.entries(withoutWanted(input.dropped)).map(([reason, count]) =>
        error('inputDropped', 'inputDroppedTodo', { input: input.id, count: countText(count), reason }),
      ),
    ),
    ...status.inputs.flatMap(({ id, detail }): readonly Problem[] => [
      ...(detail.problem === undefined
        ? []
        : [warning('inputProblem', 'inputProblemTodo', { input: id, reason: detail.problem })]),
      ...detail.targets
        .filter(({ state }) => state === 'down')
        .map(({ url, error: why = '', hint = '' }) => warning('targetIsDown', 'targetIsDownTodo', { url, why, hint })),
    ]),
    ...status.warnings.map((text) => warning('configWarning', 'configWarningTodo', { warning: text })),
  ];
  return [...found.filter((p) => p.level === 'error'), ...found.filter((p) => p.level === 'warning')];
}

function reloadProblems(reload: ReloadView, nowMs: number): readonly Problem[] {
  const { ok, faults, changed, lastAtMs, lastGoodAtMs, atNextStart, frozenFiles } = reload;
  const [fault = '', ...others] = faults;
  const age = spanText(nowMs - lastAtMs);
  const goodAge = spanText(nowMs - lastGoodAtMs);
  const more = others.length === 0 ? '' : ` (+${others.length})`;
  const what = changed.length > 0 ? 'reloadInPart' : 'reloadFailed';
  return [
    ...(ok ? [] : [error(what, 'reloadFailedTodo', { fault, more, age, goodAge })]),
    ...atNextStart.map((key) => warning('atNextStart', 'atNextStartTodo', { key })),
    ...frozenFiles.map((file) => warning('frozenFile', 'frozenFileTodo', { file })),
  ];
}

/** Outputs that could not deliver, and of which nothing that waits says so already. */
function checkProblems({ outputChecks, lanes }: StatusView): readonly Problem[] {
  const retrying = new Set(
    lanes.flatMap(({ outputs }) => outputs.filter(({ state }) => state === 'retrying').map(({ output }) => output)),
  );
  return outputChecks
    .filter(({ name, ok }) => !ok && !retrying.has(name))
    .map(({ name, reason }) => warning('outputCannot', retryTodo(reason), { output: name, error: reason, full: '0' }));
}

/** What filters of the configuration or of an annotation leave out was asked for. */
function withoutWanted({ filtered: _, ...dropped }: Counts): Counts {
  return dropped;
}

function laneProblems(lane: LaneView, nowMs: number): readonly Problem[] {
  const found: Problem[] = [];
  const { signal } = lane;
  if (lane.full !== undefined) {
    const blocker = lane.outputs.toSorted((a, b) => b.queuedBytes - a.queuedBytes)[0]?.output ?? '';
    found.push(error('laneFull', 'laneFullTodo', { signal, reason: lane.full, output: blocker }));
  }
  for (const loss of lane.losses) {
    const size = loss.items === undefined ? bytesText(loss.bytes) : countText(loss.items);
    found.push(error('laneLoss', 'laneLossTodo', { signal, size, segment: loss.segment, reason: loss.reason }));
  }
  for (const output of lane.outputs) {
    found.push(...outputProblems(lane, output, nowMs));
  }
  return found;
}

function outputProblems(lane: LaneView, output: OutputView, nowMs: number): readonly Problem[] {
  const found: Problem[] = [];
  const values = { signal: lane.signal, output: output.output };
  for (const [reason, count] of Object.entries(output.dropped)) {
    found.push(error('outputDropped', droppedTodo(reason), { ...values, count: countText(count), reason }));
  }
  if (output.state === 'stopped') {
    found.push(error('outputStopped', 'outputStoppedTodo', values));
  }
  if (output.state === 'retrying') {
    const age = output.oldestMs === undefined ? '–' : spanText(nowMs - output.oldestMs);
    const full = lane.maxBytes > 0 ? Math.round((lane.bytes / lane.maxBytes) * 100) : 0;
    found.push({
      level: 'warning',
      what: 'outputRetrying',
      todo: retryTodo(output.lastError ?? ''),
      values: {
        ...values,
        error: output.lastError ?? '',
        count: countText(output.queuedItems),
        age,
        full: String(full),
      },
    });
  }
  return found;
}

function error(what: TextKey, todo: TextKey, values: TextValues): Problem {
  return { level: 'error', what, todo, values };
}

function warning(what: TextKey, todo: TextKey, values: TextValues): Problem {
  return { level: 'warning', what, todo, values };
}

const retryTodos: readonly (readonly [RegExp, TextKey])[] = [
  [/ECONNREFUSED|ECONNRESET|EPIPE|refused|closed/i, 'todoRefused'],
  [/ENOTFOUND|EAI_AGAIN|getaddrinfo/i, 'todoName'],
  [/certificate|TLS|SSL/i, 'todoTls'],
  [/\b40[13]\b/, 'todoAuth'],
  [/\b404\b/, 'todoPath'],
  [/no room|ENOSPC/i, 'todoRoom'],
  [/timeout|timed out|ETIMEDOUT|\b429\b|\b50[234]\b/i, 'todoSlow'],
];

function retryTodo(lastError: string): TextKey {
  return retryTodos.find(([pattern]) => pattern.test(lastError))?.[1] ?? 'todoRetry';
}

function droppedTodo(reason: string): TextKey {
  if (reason === 'age') {
    return 'droppedAgeTodo';
  }
  return /full|oldest|newest/.test(reason) ? 'droppedFullTodo' : 'droppedRejectedTodo';
}

const refusedTodos: readonly (readonly [RegExp, TextKey])[] = [
  [/overload|full/, 'refusedFullTodo'],
  [/rate_limited/, 'refusedRateTodo'],
  [/not_allowed/, 'refusedAppTodo'],
  [/replay/, 'refusedReplayTodo'],
];

function refusedTodo(reason: string): TextKey {
  return refusedTodos.find(([pattern]) => pattern.test(reason))?.[1] ?? 'refusedTodo';
}
