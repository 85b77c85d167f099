import { describe, expect, test } from '@jest/globals';
import { PageParser } from '../codec/prometheus-text/prometheus-text.ts';
import { TimeOrder } from './time-order.ts';

const minuteMs = 60_000;
const firstMs = 1_700_000_000_000;

/** Scrapes of one target, a minute apart: `name value@ms after the first` of what is kept, and then what is not. */
function target() {
  const order = new TimeOrder();
  const parser = new PageParser({
    place: ({ name, labels, type }) => ({ name, labels, type, measurement: 'm', field: name }),
    dialect: 'text',
    timestamps: 'honor',
  });
  let scrapeMs = firstMs - minuteMs;
  return (text: string): readonly string[] => {
    scrapeMs += minuteMs;
    const body = text.replaceAll(/@(-?\d+)/g, (_, offset: string) => ` ${firstMs + Number(offset)}`);
    const { page, refused } = order.ordered(parser.parse(Buffer.from(body)), scrapeMs);
    expect(page.values).toHaveLength(page.series.length);
    const kept = page.series.map(({ name }, i) => {
      const own = page.timestampsMs?.[i] ?? Number.NaN;
      return `${name} ${page.values[i]}${Number.isNaN(own) ? '' : `@${own - firstMs}`}`;
    });
    const exemplars = (page.exemplars ?? []).map(({ index, value }) => `${page.series[index]?.name} # ${value}`);
    return [...kept, ...exemplars, ...[...(refused ?? [])].map(([reason, count]) => `${count} ${reason}`)];
  };
}

describe('samples with times of their own', () => {
  test('are kept while they move on, or stand still with the same value', () => {
    const scrape = target();
    expect(scrape('a 1@5\nb NaN@5\nc 1\n')).toEqual(['a 1@5', 'b NaN@5', 'c 1']);
    expect(scrape('a 1@5\nb NaN@5\nc 2\n')).toEqual(['a 1@5', 'b NaN@5', 'c 2']);
    expect(scrape('a 2@6\nb 1@7\nc 3\n')).toEqual(['a 2@6', 'b 1@7', 'c 3']);
  });

  test('are left out where they run backwards, until they pass their last one', () => {
    const scrape = target();
    scrape('a 1@50\nb 1@50\n');
    expect(scrape('a 2@49\nb 2@51\n')).toEqual(['b 2@51', '1 out-of-order']);
    expect(scrape('a 2@49\nb 2@51\n')).toEqual(['b 2@51', '1 out-of-order']);
    expect(scrape('a 3@51\nb 2@51\n')).toEqual(['a 3@51', 'b 2@51']);
  });

  test('are left out where they give one time a second value', () => {
    const scrape = target();
    scrape('a 1@50\n');
    expect(scrape('a 2@50\n')).toEqual(['1 duplicate']);
    expect(scrape('a 1@50\n')).toEqual(['a 1@50']);
  });

  test('are left out where they lie more than ten minutes ahead', () => {
    const scrape = target();
    expect(scrape('a 1@600000\nb 1@600001\nc 1\n')).toEqual(['a 1@600000', 'c 1', '1 future']);
  });

  test('are measured against scrapes of the same series without one, and the other way round', () => {
    const scrape = target();
    scrape('a 1\nb 1\n');
    expect(scrape('a 2@-1\nb 2\n')).toEqual(['b 2', '1 out-of-order']);
    expect(scrape('a 2@1\nb 2\n')).toEqual(['a 2@1', 'b 2']);
    expect(scrape('a 3@299000\nb 3\n')).toEqual(['a 3@299000', 'b 3']);
    expect(scrape('a 4\nb 4 # {t="x"} 7\n')).toEqual(['b 4', 'b # 7', '1 out-of-order']);
    expect(scrape('a 5\nb 5\n')).toEqual(['a 5', 'b 5']);
    expect(scrape('a 6\nb 6\n')).toEqual(['a 6', 'b 6']);
    expect(scrape('a 7 # {t="x"} 1\nb 7@1 # {t="x"} 2\nc 1@1 # {t="x"} 3\n')).toEqual([
      'a 7',
      'c 1@1',
      'a # 1',
      'c # 3',
      '1 out-of-order',
    ]);
  });
});

test('a page without times of its own is handed on as it is', () => {
  const order = new TimeOrder();
  const parser = new PageParser({ place: () => undefined, dialect: 'text', timestamps: 'honor' });
  const page = parser.parse(Buffer.from('a 1\n'));
  expect(order.ordered(page, 5).page).toBe(page);
});
