import { BridgeError } from '../contract/errors.ts';
import type { HttpRoute } from '../contract/http.ts';
import { parseSelector, type Selector } from '../lib/selector.ts';
import { type Signal, signals } from '../model/batch.ts';
import { onlyKnown, wholeNumber } from './native-parameters.ts';

/** What somebody who looks on wants to see of what the lanes take. */
export interface TapQuestion {
  readonly signals: readonly Signal[];
  readonly selector?: Selector;
  /** `items`: one JSON object a line, as the `file` output writes them. `records`: a recording (record/recording.ts). */
  readonly form: 'items' | 'records';
  /** It ends after so many items; of `records`, behind the record that holds the last of them. */
  readonly limit?: number;
}

export interface TapDeps {
  /** Throws BRIDGE_OVERLOADED when too many look on. */
  readonly tap: (question: TapQuestion, signal: AbortSignal) => AsyncIterable<Uint8Array>;
}

const types = { items: 'application/x-ndjson', records: 'application/vnd.meshbridge.recording' } as const;

/** What the lanes take, as they take it. It ends when the caller goes, or after `limit` items. */
export function tapRoutes({ tap }: TapDeps): HttpRoute[] {
  return [
    {
      method: 'GET',
      path: '/api/native/tap',
      listeners: ['main'],
      access: 'reader',
      handle: async ({ method, query, signal }) => {
        const question = tapQuestion(query);
        return {
          status: 200,
          headers: { 'content-type': types[question.form], 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
          ...(method !== 'HEAD' && { body: tap(question, signal) }),
        };
      },
    },
  ];
}

/** Throws BRIDGE_DECODE. */
export function tapQuestion(query: URLSearchParams): TapQuestion {
  onlyKnown(query, ['signal', 'match', 'form', 'limit']);
  const asked = query.getAll('signal').flatMap((text) => text.split(','));
  const match = query.get('match') ?? '';
  const limit = wholeNumber(query, 'limit', Number.MAX_SAFE_INTEGER);
  return {
    signals: asked.length === 0 ? signals : [...new Set(asked.map(signalOf))],
    form: formOf(query.get('form') ?? 'items'),
    ...(match === '' ? {} : { selector: selectorOf(match) }),
    ...(limit === undefined ? {} : { limit }),
  };
}

function signalOf(text: string): Signal {
  const known = signals.find((name) => name === text.trim());
  if (known === undefined) {
    throw new BridgeError('BRIDGE_DECODE', `signal: "${text}" is none of ${signals.join(', ')}`);
  }
  return known;
}

function formOf(text: string): TapQuestion['form'] {
  if (text !== 'items' && text !== 'records') {
    throw new BridgeError('BRIDGE_DECODE', `form: "${text}" is neither items nor records`);
  }
  return text;
}

function selectorOf(text: string): Selector {
  const { selector, fault } = parseSelector(text);
  if (selector === undefined) {
    throw new BridgeError('BRIDGE_DECODE', `match: ${fault.message} (character ${fault.at + 1} of ${text})`);
  }
  return selector;
}
