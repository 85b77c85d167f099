import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { labelName, metricName, type OtlpMetricType, unitName } from '../../src/codec/otlp/metric-names.ts';
import { describeWith } from '../components/needs.ts';

interface Question {
  readonly name: string;
  readonly unit: string;
  readonly type: OtlpMetricType;
  readonly label: string;
}

const types: readonly OtlpMetricType[] = ['gauge', 'counter', 'updown', 'histogram', 'summary'];
const tokens = ['http', 'server', 'total', 'ratio', 'seconds', 'bytes', 'per', 'second', '1st', 'ü', '😀', 'a:b', ''];
const dividers = ['.', '_', '__', '-', '/', ' ', ':'];
const basic = [
  's',
  'ms',
  'By',
  'KiBy',
  '1',
  '%',
  'm',
  'min',
  'h',
  'd',
  'Cel',
  '{request}',
  'foo',
  'a_b',
  '$x',
  '_',
  '',
  ' ',
];
const per = ['s', 'm', 'h', 'mo', 'y', '{x}', 'foo', 'a-b', '_', ''];

/** Words with dividers between them, or anything. */
const name = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.array(fc.constantFrom(...tokens, ...dividers), { maxLength: 8 }).map((parts) => parts.join('')),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }) },
);
const unit = fc.oneof(
  fc.constantFrom(...basic),
  fc.tuple(fc.constantFrom(...basic), fc.constantFrom(...per)).map((parts) => parts.join('/')),
  fc.string({ maxLength: 6 }),
);
const question: fc.Arbitrary<Question> = fc.record({ name, unit, type: fc.constantFrom(...types), label: name });

describeWith('otlp-names', (program) => {
  test('metrics, units and labels have the names that Prometheus gives them', () => {
    const questions = fc.sample(question, 20_000);
    const input = questions.map((one) => JSON.stringify(one)).join('\n');
    const { stdout, status, stderr } = spawnSync(program, { input, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
    expect([status, stderr]).toEqual([0, '']);
    const answers = stdout.trimEnd().split('\n');
    expect(answers).toHaveLength(questions.length);
    const ours = questions.map((one) => ({
      name: metricName(one.name, one.unit, one.type) ?? '',
      unit: unitName(one.unit),
      label: labelName(one.label) ?? '',
    }));
    const different = questions.flatMap((one, i) => {
      const theirs = answers[i] ?? '';
      return JSON.stringify(ours[i]) === JSON.stringify(JSON.parse(theirs)) ? [] : [{ one, theirs, ours: ours[i] }];
    });
    expect(different.slice(0, 10)).toEqual([]);
  }, 180_000);
});
