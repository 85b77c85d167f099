import type { Choices } from './choices.ts';
import { firstMicros, services, spanNames, tagKeys } from './good-traces.ts';

const firstMs = firstMicros / 1000;

/** Parameters of a search, most of them good. */
function searchOf(choices: Choices, endMs: number): string {
  const query = new URLSearchParams();
  const put = (share: number, name: string, value: () => string | number): void => {
    if (choices.chance(share)) {
      query.set(name, String(value()));
    }
  };
  query.set('endTs', String(choices.chance(0.7) ? endMs : firstMs + choices.below(endMs - firstMs)));
  query.set('lookback', String(choices.chance(0.7) ? endMs - firstMs + 60_000 : 1 + choices.below(60_000)));
  put(0.8, 'limit', () => choices.of([1, 3, 10, 100, 1000]));
  put(0.6, 'serviceName', () => choices.of([...services, 'orders.shop', 'nobody', '']));
  put(0.2, 'remoteServiceName', () => choices.of([...services, 'nobody']));
  put(0.3, 'spanName', () => choices.of([...spanNames, 'GET /', 'all', '', 'nothing']));
  put(0.3, 'annotationQuery', () =>
    choices.of([
      ...tagKeys,
      ...[
        'error',
        'http.method=GET',
        'http.status_code=503 and error',
        'foo',
        'foo and error',
        'http.path=/products?id=1',
        'cache miss',
      ],
      ...[
        'component=proxy and http.method',
        'component=',
        'empty=',
        ' error ',
        'nothing',
        'a and b and c',
        'ünïcode ⻩ 😀',
        'error=true and foo',
        '=',
        '',
      ],
    ]),
  );
  if (choices.chance(0.3)) {
    const least = 1 + choices.below(60_000);
    query.set('minDuration', String(least));
    put(0.5, 'maxDuration', () => least + choices.below(30_000));
  }
  return `/api/v2/traces?${query}`;
}

const fixed = [
  '/api/v2/services',
  '/api/v2/spans',
  '/api/v2/spans?serviceName=',
  '/api/v2/spans?serviceName=nobody',
  '/api/v2/remoteServices',
  '/api/v2/remoteServices?serviceName=nobody',
  '/api/v2/traces?limit=0',
  '/api/v2/traces?limit=-1',
  '/api/v2/traces?limit=x',
  '/api/v2/traces?limit=',
  '/api/v2/traces?lookback=0',
  '/api/v2/traces?endTs=0',
  '/api/v2/traces?endTs=now',
  '/api/v2/traces?minDuration=0',
  '/api/v2/traces?maxDuration=5',
  '/api/v2/traces?minDuration=5&maxDuration=4',
  '/api/v2/traces?minDuration=1.5',
  '/api/v2/trace/xyz',
  '/api/v2/trace/0',
  '/api/v2/trace/ABC',
  '/api/v2/trace/abc',
  '/api/v2/trace/123456789012345678901234567890123',
  '/api/v2/traceMany',
  '/api/v2/traceMany?traceIds=',
  '/api/v2/traceMany?traceIds=a',
  '/api/v2/traceMany?traceIds=a,a',
  '/api/v2/traceMany?traceIds=a,b',
  '/api/v2/traceMany?traceIds=a,',
  '/api/v2/traceMany?traceIds=a,xyz',
  '/api/v2/dependencies',
  '/api/v2/dependencies?endTs=',
  '/api/v2/dependencies?endTs=0',
  '/api/v2/dependencies?endTs=1&lookback=0',
  '/api/v2/dependencies?endTs=1',
  '/api/v2/autocompleteKeys',
  '/api/v2/autocompleteValues',
  '/api/v2/autocompleteValues?key=',
  '/api/v2/autocompleteValues?key=nothing',
  '/api/v2/autocompleteValues?key=http.method',
  '/api/v2/autocompleteValues?key=component',
  '/api/v2/autocompleteValues?key=http.path',
  '/zipkin/api/v2/services',
  '/api/v1/services',
];

/** Paths with their parameters. */
export function queriesOf(choices: Choices, traceIds: readonly string[], endMs: number): readonly string[] {
  const named = services.flatMap((service) =>
    ['spans', 'remoteServices'].map((what) => `/api/v2/${what}?serviceName=${encodeURIComponent(service)}`),
  );
  const id = (): string => {
    const one = choices.of(traceIds);
    return choices.chance(0.3) ? one.padStart(32, '0') : one;
  };
  const byId = Array.from({ length: 20 }, () => `/api/v2/trace/${id()}`);
  const many = Array.from({ length: 8 }, () => `/api/v2/traceMany?traceIds=${[id(), id(), id()].join(',')}`);
  const dependencies = Array.from({ length: 12 }, (_, i) => {
    const lookback = i === 0 ? endMs - firstMs + 60_000 : 1 + choices.below(endMs - firstMs);
    return `/api/v2/dependencies?endTs=${i < 6 ? endMs : firstMs + choices.below(endMs - firstMs)}&lookback=${lookback}`;
  });
  const searches = Array.from({ length: 120 }, () => searchOf(choices, endMs));
  return [...new Set([...fixed, ...named, ...byId, ...many, ...dependencies, ...searches])];
}
