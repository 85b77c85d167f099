import { parseSelector } from '../lib/selector.ts';
import { type Signal, signals } from '../model/batch.ts';
import { type AskOptions, daemonWords, given } from './daemon-words.ts';

export interface TapWords extends AskOptions {
  readonly signals: readonly Signal[];
  readonly match?: string;
  readonly record?: string;
  readonly limit?: number;
  readonly json: boolean;
}

/** What `tap` is asked for, or what is wrong with it. */
export function tapWords(texts: ReadonlyMap<string, string>, flags: ReadonlySet<string>): TapWords | string {
  const place = daemonWords(texts);
  const asked = signalsOf(texts.get('signal'));
  const match = texts.get('match');
  const fault = match === undefined ? undefined : parseSelector(match).fault;
  const limit = texts.get('limit');
  if (typeof place === 'string' || typeof asked === 'string') {
    return typeof place === 'string' ? place : String(asked);
  }
  if (fault !== undefined) {
    return `--match: ${fault.message} (character ${fault.at + 1} of ${match})`;
  }
  if (limit !== undefined && !/^[1-9]\d{0,14}$/.test(limit)) {
    return `--limit wants a whole number from 1 on, and got "${limit}"`;
  }
  return {
    ...place,
    signals: asked,
    json: flags.has('json'),
    ...given('match', match),
    ...given('record', texts.get('record')),
    ...(limit !== undefined && { limit: Number(limit) }),
  };
}

function signalsOf(text: string | undefined): readonly Signal[] | string {
  if (text === undefined) {
    return signals;
  }
  const names = text.split(',').map((name) => name.trim());
  const wrong = names.find((name) => !signals.some((known) => known === name));
  return wrong === undefined
    ? signals.filter((signal) => names.includes(signal))
    : `--signal wants some of ${signals.join(', ')}, and got "${wrong}"`;
}
