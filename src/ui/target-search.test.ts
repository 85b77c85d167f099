import { describe, expect, test } from '@jest/globals';
import { fixesOf } from './target-fix.ts';
import { anyTarget, countsOf, entriesOf, firstOf, foundEntries, grouped, targetSearchOf } from './target-search.ts';
import { readTargets } from './targets-api.ts';

const target = (pod: string, more: object = {}) => ({
  id: `k ${pod}`,
  url: 'http://10.0.0.1:9080/metrics',
  state: 'up',
  rule: 'datakit/prom.instances',
  source: 's',
  intervalMs: 15_000,
  namespace: 'prod',
  pod,
  labels: { app: 'reviews' },
  leftOut: [],
  history: [3, -4],
  ...more,
});
const pod = (name: string, more: object = {}) => ({
  namespace: 'prod',
  pod: name,
  annotations: { 'datakit/prom.instances': '[[inputs.prom]]' },
  targets: [`k ${name}`],
  faults: [],
  warnings: [],
  ...more,
});

const list = readTargets({
  nowMs: 1,
  watches: [{ input: 'kubernetes', state: 'watching' }],
  targets: [
    target('b'),
    target('a', { workload: 'reviews-v1' }),
    target('c', { state: 'down', error: 'connect ECONNREFUSED' }),
    { id: 'x', url: 'http://127.0.0.1:9/metrics', state: 'waiting', rule: '[[inputs.prom]]' },
  ],
  pods: [pod('a'), pod('b'), pod('c'), pod('bare', { targets: [], skipped: 'it has none', namespace: 'kube-system' })],
});
const entries = entriesOf(list);

describe('entries', () => {
  test('are the targets, each with its pod, and the pods of which nothing is collected', () => {
    expect(entries.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'b up',
      'a up',
      'c down',
      'http://127.0.0.1:9/metrics waiting',
      'bare skipped',
    ]);
    expect(entries[1]?.pod?.annotations).toEqual({ 'datakit/prom.instances': '[[inputs.prom]]' });
    expect(entries[3]?.pod).toBeUndefined();
    expect(countsOf(entries)).toEqual({ down: 1, waiting: 1, up: 2, skipped: 1 });
  });

  test('are found by any word that is known of them', () => {
    const names = (typed: string) => foundEntries(entries, typed).map(({ name }) => name);
    expect(names('')).toHaveLength(5);
    expect(names('REVIEWS-v1')).toEqual(['a']);
    expect(names('econnrefused prod')).toEqual(['c']);
    expect(names('has none')).toEqual(['bare']);
    expect(names('nothing-like-it')).toEqual([]);
  });

  test('stand in groups by name, the worst first in each, and the nameless group last', () => {
    const shown = grouped(entries, 'namespace').map(({ name, entries: of }) => [
      name,
      of.map((one) => one.name).join(),
    ]);
    expect(shown).toEqual([
      ['kube-system', 'bare'],
      ['prod', 'c,a,b'],
      ['', 'http://127.0.0.1:9/metrics'],
    ]);
    expect(grouped(entries, 'workload').map(({ name }) => name)).toEqual(['reviews', 'reviews-v1', '']);
    expect(grouped(entries, 'none')).toHaveLength(1);
    expect(firstOf(grouped(entries, 'namespace'), 2).map(({ entries: of }) => of.length)).toEqual([1, 1]);
    expect(firstOf(grouped(entries, 'namespace'), 100)).toHaveLength(3);
  });
});

test('the URL says what is looked for, and what it does not know is as always', () => {
  const search = targetSearchOf(new URLSearchParams('find=x&state=down&by=rule&open=k'));
  expect(search).toEqual({ find: 'x', state: 'down', by: 'rule', open: 'k' });
  expect(targetSearchOf(new URLSearchParams('state=dead&by=colour'))).toEqual(anyTarget);
});

describe('what to do', () => {
  const fixes = (more: object, of: object = {}) => {
    const [entry] = entriesOf(readTargets({ targets: [target('a', more)], pods: [pod('a', of)] }));
    return entry === undefined ? [] : fixesOf(entry);
  };

  test('about a page that is up and whole is nothing', () => {
    expect(fixes({})).toEqual([]);
  });

  test('about a page behind the proxy is to let its port go round it', () => {
    const cut = { state: 'down', error: 'the target closed the connection before it had answered' };
    expect(fixes(cut, { sidecar: true })[0]).toEqual({
      text: 'fixExclude',
      snippet: 'traffic.sidecar.istio.io/excludeInboundPorts: "9080"',
    });
    expect(fixes(cut).map(({ text }) => text)).toEqual(['fixLook']);
    expect(fixes(cut)[0]?.snippet).toBe(
      "kubectl -n prod port-forward a 9080 &\ncurl -sS -m 10 'http://127.0.0.1:9080/metrics' | head",
    );
  });

  test('about histograms that are left out is to keep them', () => {
    expect(fixes({ leftOut: ['no histograms, so no latencies: …'] })).toEqual([
      { text: 'fixHistograms', snippet: 'metric_types = ["counter", "gauge", "histogram"]' },
    ]);
  });

  test('about a pod that is not collected is an annotation', () => {
    const skipped = (faults: readonly string[]) =>
      entriesOf(readTargets({ targets: [], pods: [pod('a', { targets: [], skipped: 'x', faults })] })).flatMap(fixesOf);
    expect(skipped([])[0]?.snippet).toContain('prometheus.io/scrape: "true"');
    expect(skipped(['line 3: …'])[0]?.text).toBe('fixFault');
  });

  test("about a page that another node's agent scrapes is to ask that agent", () => {
    const stored = {
      id: 's',
      url: '10.0.0.1:9080',
      state: 'down',
      labels: { node: 'n2' },
      namespace: 'prod',
      pod: 'a',
    };
    const [fix] = entriesOf(readTargets({ targets: [stored], pods: [] })).flatMap(fixesOf);
    expect(fix?.text).toBe('fixAgent');
    expect(fix?.snippet).toContain('spec.nodeName=n2');
    expect(fix?.snippet).toContain('explain --pod prod/a');
  });

  test('about a configured page or file is to look at it', () => {
    const lone = (url: string) =>
      entriesOf(readTargets({ targets: [{ id: 'x', url, state: 'down', rule: 'r' }], pods: [] })).flatMap(fixesOf)[0]
        ?.snippet;
    expect(lone('http://h:1/m?a=b')).toBe("curl -sS -m 10 'http://h:1/m?a=b' | head");
    expect(lone('/run/metrics.prom')).toBe("head '/run/metrics.prom'");
  });
});
