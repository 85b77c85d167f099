import { type Signal, signals } from '../model/batch.ts';
import { given } from './daemon-words.ts';

export const queueActions = ['inspect', 'verify', 'repair'] as const;
export type QueueAction = (typeof queueActions)[number];

export interface QueueOptions {
  readonly action: QueueAction;
  readonly dataDir?: string;
  readonly json: boolean;
  /** With `repair`: what was refused for good is queued again for the output that refused it. */
  readonly requeue?: RequeueWords;
}

/** Of which outputs and signals; of all where they are left out. */
export interface RequeueWords {
  readonly output?: string;
  readonly signal?: Signal;
}

/** What `queue` is asked for, or what is wrong with it. */
export function queueWords(
  texts: ReadonlyMap<string, string>,
  flags: ReadonlySet<string>,
  others: readonly string[],
): QueueOptions | string {
  const action = queueActions.find((candidate) => candidate === others[0]);
  if (action === undefined || others.length !== 1) {
    return `queue wants one of ${queueActions.join(', ')}`;
  }
  const wrong = wrongRequeue(action, texts, flags);
  if (wrong !== undefined) {
    return wrong;
  }
  const signal = signals.find((candidate) => candidate === texts.get('signal'));
  const requeue = { ...given('output', texts.get('output')), ...(signal === undefined ? {} : { signal }) };
  return {
    action,
    ...given('dataDir', texts.get('data-dir')),
    json: flags.has('json'),
    ...(flags.has('requeue') ? { requeue } : {}),
  };
}

function wrongRequeue(
  action: QueueAction,
  texts: ReadonlyMap<string, string>,
  flags: ReadonlySet<string>,
): string | undefined {
  const signal = texts.get('signal');
  const narrow = ['output', 'signal'].find((name) => texts.has(name));
  if (flags.has('requeue') && action !== 'repair') {
    return `--requeue goes with "queue repair", not with "queue ${action}"`;
  }
  if (narrow !== undefined && !flags.has('requeue')) {
    return `--${narrow} says what --requeue is to take; write both`;
  }
  return signal === undefined || signals.some((known) => known === signal)
    ? undefined
    : `--signal wants one of ${signals.join(', ')}, and got "${signal}"`;
}
