/**
 * Names of OpenTelemetry as Prometheus has them: what its OTLP receiver does by default (`translation_strategy:
 * UnderscoreEscapingWithSuffixes`; OpenTelemetry, "Prometheus and OpenMetrics Compatibility").
 */

export type OtlpMetricType = 'gauge' | 'counter' | 'updown' | 'histogram' | 'summary';

/** Words for the units of UCUM. */
const units: ReadonlyMap<string, string> = new Map(
  Object.entries({
    d: 'days',
    h: 'hours',
    min: 'minutes',
    s: 'seconds',
    ms: 'milliseconds',
    us: 'microseconds',
    ns: 'nanoseconds',
    By: 'bytes',
    KiBy: 'kibibytes',
    MiBy: 'mebibytes',
    GiBy: 'gibibytes',
    TiBy: 'tibibytes',
    KBy: 'kilobytes',
    MBy: 'megabytes',
    GBy: 'gigabytes',
    TBy: 'terabytes',
    m: 'meters',
    V: 'volts',
    A: 'amperes',
    J: 'joules',
    W: 'watts',
    g: 'grams',
    Cel: 'celsius',
    Hz: 'hertz',
    '1': '',
    '%': 'percent',
  }),
);
const perUnits: ReadonlyMap<string, string> = new Map(
  Object.entries({ s: 'second', m: 'minute', h: 'hour', d: 'day', w: 'week', mo: 'month', y: 'year' }),
);

const unitOfWord: ReadonlyMap<string, string> = new Map(Array.from(units, ([unit, word]) => [word, unit]));
const perUnitOfWord: ReadonlyMap<string, string> = new Map(Array.from(perUnits, ([unit, word]) => [word, unit]));

const annotation = /[{}]/;
const notOfName = /[^a-zA-Z0-9:]+/;
const notOfLabel = /[^a-zA-Z0-9_]/gu;
/** What is left of a unit behind the slash of which no character may stand in a name. */
const nothing = 'per_';
const onlyUnderscores = /^_*$/;
const digitFirst = /^\d/;

/** Undefined where nothing is left of the name. */
export function metricName(name: string, unit: string, type: OtlpMetricType): string | undefined {
  let tokens = name.split(notOfName).filter((token) => token !== '');
  const { main, per: written } = unitParts(unit);
  const per = written === nothing ? '' : written.replace(/_$/, '');
  const isMainNew = main !== '' && !tokens.includes(main);
  const isPerNew = per !== '' && !tokens.includes(per);
  if (isMainNew) {
    tokens.push(isPerNew ? main.replace(/_$/, '') : main);
  }
  if (isPerNew) {
    tokens.push(per);
  }
  const ending = type === 'counter' ? 'total' : type === 'gauge' && unit === '1' ? 'ratio' : undefined;
  if (ending !== undefined) {
    tokens = [...tokens.filter((token) => token !== ending), ending];
  }
  const joined = tokens.join('_');
  return joined === '' ? undefined : digitFirst.test(joined) ? `_${joined}` : joined;
}

/** Such as `bytes_per_second`; empty where there is none. */
export function unitName(unit: string): string {
  const { main, per } = unitParts(unit);
  return [main, per]
    .filter((part) => part !== '')
    .join('_')
    .replace(/_$/, '');
}

/** The unit of UCUM that `unitName` made this of; a word that it does not know stays. */
export function otlpUnit(name: string): string {
  const [main = '', per] = name.startsWith('per_') ? ['', name.slice(4)] : name.split('_per_', 2);
  const before = main === '' ? '' : (unitOfWord.get(main) ?? main);
  return per === undefined ? before : `${before}/${perUnitOfWord.get(per) ?? per}`;
}

/** Undefined where no label can be made of it. */
export function labelName(key: string): string | undefined {
  const name = key.replace(notOfLabel, '_');
  if (digitFirst.test(name)) {
    return `key_${name}`;
  }
  if (name.startsWith('_') && !name.startsWith('__')) {
    return `key${name}`;
  }
  return onlyUnderscores.test(name) ? undefined : name;
}

function unitParts(unit: string): { readonly main: string; readonly per: string } {
  const slash = unit.indexOf('/');
  const [before, after] = slash < 0 ? [unit, ''] : [unit.slice(0, slash), unit.slice(slash + 1)];
  const per = wordOf(after, perUnits);
  return { main: cleaned(wordOf(before, units)), per: per === '' ? '' : cleaned(`${nothing}${per}`) };
}

/** What stands in braces is a remark. */
function wordOf(unit: string, words: ReadonlyMap<string, string>): string {
  const bare = unit.trim();
  return annotation.test(bare) ? '' : (words.get(bare) ?? bare);
}

function cleaned(unit: string): string {
  return unit.replace(/[^a-zA-Z0-9:]+/g, '_').replace(/^_/, '');
}
