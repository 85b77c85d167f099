import { expect, test } from '@jest/globals';
import { labelName, metricName, type OtlpMetricType, unitName } from './metric-names.ts';

test.each<[string, string, OtlpMetricType, string | undefined]>([
  ['http.server.request.duration', 's', 'histogram', 'http_server_request_duration_seconds'],
  ['http.server.duration.seconds', 's', 'histogram', 'http_server_duration_seconds'],
  ['requests', '{request}', 'counter', 'requests_total'],
  ['requests.total', '1', 'counter', 'requests_total'],
  ['total.requests', '1', 'counter', 'requests_total'],
  ['system.memory.usage', 'By', 'updown', 'system_memory_usage_bytes'],
  ['cpu.utilization', '1', 'gauge', 'cpu_utilization_ratio'],
  ['cpu.utilization', '1', 'updown', 'cpu_utilization'],
  ['net.io', 'By/s', 'gauge', 'net_io_bytes_per_second'],
  ['errors', '{error}/min', 'gauge', 'errors_per_min'],
  ['speed', 'm/s', 'gauge', 'speed_meters_per_second'],
  ['battery', '%', 'gauge', 'battery_percent'],
  ['a..b--c__d', '', 'gauge', 'a_b_c_d'],
  ['1st', '', 'gauge', '_1st'],
  ['x', 'widgets$', 'gauge', 'x_widgets_'],
  ['x', 'widgets$/s', 'gauge', 'x_widgets_per_second'],
  ['jvm:heap', 'MiBy', 'gauge', 'jvm:heap_mebibytes'],
  ['äö', '', 'gauge', undefined],
])('metric %s in %j, a %s, is %s', (name, unit, type, expected) => {
  expect(metricName(name, unit, type)).toBe(expected);
});

test.each([
  ['s', 'seconds'],
  ['By/s', 'bytes_per_second'],
  ['1', ''],
  ['{request}', ''],
  ['/s', 'per_second'],
  [' ms ', 'milliseconds'],
  ['foo.bar', 'foo_bar'],
])('unit %j is %j', (unit, expected) => {
  expect(unitName(unit)).toBe(expected);
});

test.each([
  ['http.method', 'http_method'],
  ['a..b', 'a__b'],
  ['1a', 'key_1a'],
  ['_a', 'key_a'],
  ['__a__', '__a__'],
  ['ключ1', '____1'],
  ['😀a', 'key_a'],
  ['', undefined],
  ['.', 'key_'],
  ['..', undefined],
])('attribute %j is label %j', (key, expected) => {
  expect(labelName(key)).toBe(expected);
});
