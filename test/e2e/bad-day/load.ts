import { expect } from '@jest/globals';
import type { Signal } from '../../../src/model/batch.ts';
import type { Daemon } from '../daemon.ts';

/** What a server has of one item: how often, and what it says of it. */
export interface Found {
  readonly copies: number;
  /** Everything that was sent and that the server can say again. */
  readonly facts: unknown;
}

/** One item, sent as one request to the daemon, and so one record of its queue. */
export interface Item {
  readonly signal: Signal;
  /** Unique in the file of tests, and written out in every protocol. */
  readonly id: string;
  readonly number: number;
  readonly atMs: number;
}

const firstMs = Date.now();
let made = 0;

/** Items of that signal, each with a time of its own. */
export function itemsOf(signal: Signal, count: number, agoMs = 0): readonly Item[] {
  return Array.from({ length: count }, () => {
    made += 1;
    return { signal, id: `bad-${signal}-${String(made).padStart(6, '0')}`, number: made, atMs: firstMs - agoMs + made };
  });
}

export function traceIdOf({ number }: Item): string {
  return number.toString(16).padStart(32, 'b');
}

/** Posts them one after the other; each must be taken. */
export async function post(daemon: Daemon, items: readonly Item[]): Promise<void> {
  for (const item of items) {
    const { path, body } = requests[item.signal](item);
    const response = await fetch(`${daemon.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    expect({ id: item.id, taken: response.ok, text }).toMatchObject({ id: item.id, taken: true });
  }
}

interface Post {
  readonly path: string;
  readonly body: object;
}

const requests: Readonly<Record<Signal, (item: Item) => Post>> = {
  metrics: ({ id, number, atMs }) => ({
    path: '/v1/metrics',
    body: {
      resourceMetrics: [
        {
          resource: { attributes: [text('service.name', 'bad-day')] },
          scopeMetrics: [
            {
              metrics: [
                {
                  name: 'bad_day_number',
                  gauge: {
                    dataPoints: [
                      { attributes: [text('id', id)], timeUnixNano: `${atMs}000000`, asDouble: number + 0.25 },
                    ],
                  },
                },
              ],
            },
          ],
        },
      ],
    },
  }),
  traces: (item) => ({
    path: '/api/v2/spans',
    body: [
      {
        traceId: traceIdOf(item),
        id: traceIdOf(item).slice(16),
        name: item.id,
        kind: 'SERVER',
        timestamp: item.atMs * 1000,
        duration: 1000 + item.number,
        localEndpoint: { serviceName: 'bad-day' },
        tags: { 'http.path': `/${item.id}` },
      },
    ],
  }),
  logs: ({ id, atMs }) => ({
    path: '/loki/api/v1/push',
    body: {
      streams: [
        {
          stream: { app: 'bad-day', service_name: 'bad-day' },
          values: [[`${atMs}000000`, `line "${id}" of a bad day`]],
        },
      ],
    },
  }),
  rum: ({ id }) => {
    throw new Error(`${id}: there are no such items here`);
  },
};

function text(key: string, value: string): object {
  return { key, value: { stringValue: value } };
}
