import { expect, test } from '@jest/globals';
import { PageParser } from '../codec/prometheus-text/prometheus-text.ts';
import { NewExemplars } from './new-exemplars.ts';

/** Scrapes of one target: `name # label value@time` of the exemplars that are new. */
function target() {
  const fresh = new NewExemplars();
  const parser = new PageParser({
    place: ({ name, labels, type }) => ({ name, labels, type, measurement: 'm', field: name }),
    dialect: 'openmetrics',
    timestamps: 'honor',
  });
  return (text: string): readonly string[] | undefined => {
    const page = parser.parse(Buffer.from(text));
    const { exemplars, values, series, samples } = fresh.of(page);
    expect([values.length, series.length, samples]).toEqual([page.values.length, page.series.length, page.samples]);
    return exemplars?.map(({ index, labels, value, timestampMs }) => {
      const time = timestampMs === undefined ? '' : `@${timestampMs}`;
      return `${series[index]?.name} # ${labels[0]?.[1]} ${value}${time}`;
    });
  };
}

test('an exemplar goes out when it is new on the page, and not again', () => {
  const scrape = target();
  expect(scrape('a 1 # {t="x"} 5\nb 1 # {t="y"} 6 1.5\nc 1\n')).toEqual(['a # x 5', 'b # y 6@1500']);
  expect(scrape('a 2 # {t="x"} 5\nb 2 # {t="y"} 6 1.5\nc 2\n')).toBeUndefined();
  expect(scrape('a 2 # {t="x"} 5\nb 2 # {t="y"} 6 1.6\nc 2 # {t="x"} 5\n')).toEqual(['b # y 6@1600', 'c # x 5']);
  expect(scrape('a 2 # {t="x"} 5.5\nb 2 # {t="z"} 6 1.6\nc 2 # {t="x"} 5\n')).toEqual(['a # x 5.5', 'b # z 6@1600']);
});

test('an exemplar is known again after a page without it, on another line, and among other series', () => {
  const scrape = target();
  scrape('a 1 # {t="x"} 5\nb 1 # {t="y"} 6\n');
  expect(scrape('a 1\nb 1\n')).toBeUndefined();
  expect(scrape('a 1 # {t="x"} 5\nb 1 # {t="y"} 6\n')).toBeUndefined();
  expect(scrape('n 1\nb 1 # {t="y"} 6\na 1 # {t="x"} 5\n')).toBeUndefined();
  expect(scrape('b 1 # {t="x"} 5\na 1 # {t="x"} 5\n')).toEqual(['b # x 5']);
});
