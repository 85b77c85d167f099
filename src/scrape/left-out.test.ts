import { expect, test } from '@jest/globals';
import { PageParser } from '../codec/prometheus-text/prometheus-text.ts';
import { promConfig } from './config.ts';
import { leftOutLine } from './left-out.ts';
import { nameFilter } from './name-filter.ts';
import { Naming } from './naming.ts';
import { filteredOf, identityOf } from './target-status.ts';

const page = Buffer.from(`# TYPE requests counter
requests{code="200"} 1
requests{code="500"} 1
# TYPE took_ms histogram
took_ms_bucket{le="+Inf"} 1
took_ms_sum 1
took_ms_count 1
# TYPE wait_ms histogram
wait_ms_bucket{le="+Inf"} 1
wait_ms_sum 1
wait_ms_count 1
# TYPE go_threads gauge
go_threads 4
untyped_thing 1
`);

/** What a config leaves out of the page, after two scrapes of it. */
function leftOut(settings: object) {
  const config = promConfig.parse({ url: 'http://x/', ...settings });
  const naming = new Naming({ config, instance: 'x:80', wantedName: nameFilter(config) });
  const place: Naming['place'] = (series) => naming.place(series);
  const parser = new PageParser({ place, behind: naming.report, dialect: 'text', timestamps: 'honor' });
  parser.parse(page);
  const { unwanted } = parser.parse(page);
  return { counts: naming.leftOut.counts(), unwanted, again: naming.leftOut.counts(), config };
}

test('what is left out of a page is counted by rule and type, once however often it is scraped', () => {
  const { counts, unwanted, again } = leftOut({ metric_types: ['counter'], metric_name_filter_ignore: ['^req'] });
  expect(counts).toEqual([
    { rule: 'metric_name_filter_ignore', type: 'counter', families: 1, such: ['requests'] },
    { rule: 'metric_types', type: 'histogram', families: 2, such: ['took_ms', 'wait_ms'] },
    { rule: 'metric_types', type: 'gauge', families: 1, such: ['go_threads'] },
    { rule: 'metric_types', type: 'unknown', families: 1, such: ['untyped_thing'] },
  ]);
  expect(unwanted).toBe(10);
  expect(again).toBe(counts);
});

test('where nothing is left out, nothing is said', () => {
  const { counts, unwanted, config } = leftOut({});
  expect(counts).toEqual([]);
  expect(filteredOf(identityOf({ url: 'http://x/', config }), counts, unwanted)).toEqual({});
});

test('the status says it in words behind what the settings say, with the number of samples', () => {
  const { counts, unwanted, config } = leftOut({ metric_types: ['counter', 'gauge'] });
  const status = filteredOf(identityOf({ url: 'http://x/', config }), counts, unwanted);
  expect(status.filtered).toBe(7);
  expect(status.leftOut).toEqual([
    'no histograms, so no latencies: metric_types of [[inputs.prom]] has counter, gauge only',
    '2 families of type histogram by metric_types: took_ms, wait_ms',
    '1 family of type unknown by metric_types: untyped_thing',
  ]);
  expect(leftOutLine({ rule: 'metric_types', type: 'gauge', families: 9, such: ['a', 'b', 'c'] })).toBe(
    '9 families of type gauge by metric_types: a, b, c, …',
  );
});
