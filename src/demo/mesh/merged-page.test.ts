import { expect, test } from '@jest/globals';
import { mergedPage } from './merged-page.ts';

const parts = {
  agent: '# TYPE istio_agent_scrapes_total counter\nistio_agent_scrapes_total 3\n',
  envoy: '# TYPE envoy_server_live gauge\nenvoy_server_live{} 1\n',
  standard: '# TYPE istio_requests_total counter\nistio_requests_total{reporter="source"} 5\n',
  app: '# HELP answers What was answered.\n# TYPE answers counter\nanswers 7\n',
};

test('the parts stand behind each other as they are', () => {
  expect(mergedPage(parts, [])).toBe(parts.agent + parts.envoy + parts.standard + parts.app);
});

test('what cannot be had is left out', () => {
  expect(mergedPage({ ...parts, envoy: undefined, app: undefined }, [])).toBe(parts.agent + parts.standard);
});

test('names without labels get braces, others and comments stay', () => {
  const lines = mergedPage(parts, ['empty labels']).split('\n');
  expect(lines).toContain('istio_agent_scrapes_total{} 3');
  expect(lines).toContain('envoy_server_live{} 1');
  expect(lines).toContain('istio_requests_total{reporter="source"} 5');
  expect(lines).toContain('# HELP answers What was answered.');
});

test('a family of each part has its type once more', () => {
  expect(mergedPage(parts, ['repeated types']).slice(mergedPage(parts, []).length)).toBe(
    '# TYPE istio_agent_scrapes_total counter\n# TYPE istio_requests_total counter\n# TYPE answers counter\n',
  );
});
