import { expect, test } from '@jest/globals';
import { container } from '../../src/inputs/container/container.ts';
import { entryKeys } from '../../src/inputs/container/log-annotations.ts';
import { keyRows, testsIn } from './key-tables.ts';

const settings = keyRows('docs/logs.md', 'Settings');
const annotations = keyRows('docs/logs.md', 'Annotations');
const tests = testsIn(['src/inputs/container', 'src/pipeline/logs', 'test/e2e']);
/** Of old files of DataKit's; one sentence names them all. */
const bygone =
  /^(exclude_pause_container|kubernetes_url|bearer_token(_string)?|logging_blocking_mode|enable_auto_discovery_.*|keep_exist_prometheus_metric_name|disable_k8s_events|max_log_length)$/;

test('every key of [[inputs.container]] has one row in docs/logs.md, and there are no others', () => {
  const keys = Object.keys(container.config.shape).filter((key) => !bygone.test(key));
  expect(settings.map(({ key }) => key).sort()).toEqual(keys.sort());
});

test('every key of an annotation about logs has one row in docs/logs.md, and there are no others', () => {
  expect(annotations.map(({ key }) => key).sort()).toEqual([...entryKeys].sort());
});

test.each([...settings, ...annotations].map(({ key, shownBy }) => [key, shownBy]))(
  '%s: there is a test called "%s"',
  (_, title = '') => {
    expect(title.length).toBeGreaterThan(10);
    expect(tests.includes(title)).toBe(true);
  },
);
