import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { checkOpenMetrics } from '../../src/codec/openmetrics/openmetrics.ts';
import { PageParser } from '../../src/codec/prometheus-text/prometheus-text.ts';
import { hasCode } from '../../src/contract/errors.ts';
import { describeWith } from '../components/needs.ts';

interface Case {
  readonly name: string;
  readonly page: Buffer;
  readonly good: boolean;
}

function casesIn(folder: string): readonly Case[] {
  return readdirSync(folder).map((name) => {
    const { shouldParse } = JSON.parse(readFileSync(join(folder, name, 'test.json'), 'utf8')) as {
      readonly shouldParse: boolean;
    };
    return { name, page: readFileSync(join(folder, name, 'metrics')), good: shouldParse };
  });
}

/** `good`, or what is wrong with it. */
function attempt(run: () => unknown): string {
  try {
    run();
    return 'good';
  } catch (error) {
    if (!hasCode(error, 'BRIDGE_DECODE')) {
      throw error;
    }
    return error.message;
  }
}

function read(page: Buffer): unknown {
  const place = ({ name, labels, type }: Parameters<ConstructorParameters<typeof PageParser>[0]['place']>[0]) => ({
    ...{ name, labels, type },
    measurement: 'm',
    field: name,
  });
  return new PageParser({ place, dialect: 'openmetrics', timestamps: 'honor' }).parse(page);
}

describeWith('openmetrics-pages', (folder) => {
  const cases = casesIn(folder);

  test('the strict check judges every public page as it should be, without an exception', () => {
    expect(cases).toHaveLength(211);
    const verdicts = cases.map(({ name, page }) => [name, attempt(() => checkOpenMetrics(page))] as const);
    const wrong = verdicts.filter(([, verdict], i) => (verdict === 'good') !== cases[i]?.good);
    expect(wrong).toEqual([]);
    const reasons = verdicts.filter(([, verdict]) => verdict !== 'good').map(([, verdict]) => verdict);
    expect(reasons).toHaveLength(167);
    expect(reasons.filter((reason) => !/^line \d+: .{10}/.test(reason))).toEqual([]);
  });

  test('every good page can be read without the check too', () => {
    const good = cases.filter((one) => one.good);
    expect(good.map(({ name, page }) => [name, attempt(() => read(page))])).toEqual(
      good.map(({ name }) => [name, 'good']),
    );
  });
});
