import type { MetricType } from '../../model/metric.ts';

/** One kind of sample of a family type. */
export interface SampleRule {
  readonly suffix: string;
  /** The label that tells the samples of one point apart; `family`: the label with the family's own name. */
  readonly own?: 'le' | 'quantile' | 'family';
  readonly exemplars?: 'allowed';
  /** What is wrong with a value, as the end of a sentence. */
  readonly valueFault?: (value: number) => string | undefined;
}

const sum: SampleRule = { suffix: '_sum', valueFault: notCounted };
const created: SampleRule = { suffix: '_created', valueFault: notFinite };
const bucket: SampleRule = { suffix: '_bucket', own: 'le', exemplars: 'allowed', valueFault: notWhole };

/** The samples of each type (OpenMetrics 1.0, "MetricFamily", "Suffixes" and "MetricPoint values"). */
export const familyTypes: Readonly<Record<MetricType, readonly SampleRule[]>> = {
  unknown: [{ suffix: '' }],
  gauge: [{ suffix: '' }],
  counter: [{ suffix: '_total', exemplars: 'allowed', valueFault: notCounted }, created],
  histogram: [bucket, { suffix: '_count', valueFault: notWhole }, sum, created],
  gaugehistogram: [bucket, { suffix: '_gcount', valueFault: notWhole }, { suffix: '_gsum', valueFault: isNaNFault }],
  summary: [
    { suffix: '', own: 'quantile', valueFault: isNegative },
    { suffix: '_count', valueFault: notWhole },
    sum,
    created,
  ],
  info: [{ suffix: '_info', valueFault: (value) => (value === 1 ? undefined : 'must be 1') }],
  stateset: [
    { suffix: '', own: 'family', valueFault: (value) => (value === 0 || value === 1 ? undefined : 'must be 0 or 1') },
  ],
};

export function typeOf(word: string): MetricType | undefined {
  return Object.keys(familyTypes).find((type): type is MetricType => type === word);
}

export function ownLabel(rule: SampleRule, family: string): string | undefined {
  return rule.own === 'family' ? family : rule.own;
}

function notCounted(value: number): string | undefined {
  return value >= 0 ? undefined : 'must not be NaN or negative';
}

function notWhole(value: number): string | undefined {
  return value >= 0 && Number.isInteger(value) ? undefined : 'must be a whole number that is not negative';
}

function notFinite(value: number): string | undefined {
  return Number.isFinite(value) ? undefined : 'must be a time in seconds';
}

function isNaNFault(value: number): string | undefined {
  return Number.isNaN(value) ? 'must not be NaN' : undefined;
}

function isNegative(value: number): string | undefined {
  return value < 0 ? 'must not be negative' : undefined;
}
