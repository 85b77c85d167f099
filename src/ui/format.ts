/** `1,234,567`; from ten millions on `12.3 M`. The exact number belongs into a title. */
export function countText(count: number): string {
  if (!Number.isFinite(count)) {
    return '–';
  }
  const units = [
    [1e12, 'T'],
    [1e9, 'G'],
    [1e6, 'M'],
  ] as const;
  const unit = count >= 1e7 ? units.find(([size]) => count >= size) : undefined;
  return unit === undefined ? exactText(count) : `${threeDigits(count / unit[0])} ${unit[1]}`;
}

/** `1,234,567` */
export function exactText(count: number): string {
  return Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `12.3 MB`, in powers of 1000 as the configuration counts. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : threeDigits(value)} ${units[unit]}`;
}

/** `12.3 ms` of µs; `–` where there is none. */
export function durationText(micros: number | undefined): string {
  if (micros === undefined || !Number.isFinite(micros)) {
    return '–';
  }
  if (micros < 999.5) {
    return `${threeDigits(micros)} µs`;
  }
  if (micros < 999_500) {
    return `${threeDigits(micros / 1e3)} ms`;
  }
  if (micros < 120e6) {
    return `${threeDigits(micros / 1e6)} s`;
  }
  return spanText(micros / 1e3);
}

/** A long time in two units: `3 d 4 h`, `5 min 10 s`. */
export function spanText(ms: number): string {
  const total = Math.max(0, Math.round(ms / 1000));
  const parts = [
    [Math.floor(total / 86_400), 'd'],
    [Math.floor(total / 3_600) % 24, 'h'],
    [Math.floor(total / 60) % 60, 'min'],
    [total % 60, 's'],
  ] as const;
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) {
    return '0 s';
  }
  return parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(' ');
}

/** `1,234 /s`; small rates keep a digit behind the point. */
export function rateText(perSecond: number | undefined): string {
  if (perSecond === undefined || !Number.isFinite(perSecond)) {
    return '–';
  }
  if (perSecond === 0) {
    return '0 /s';
  }
  if (perSecond < 0.05) {
    return '<0.1 /s';
  }
  return `${perSecond < 10 ? perSecond.toFixed(1) : countText(perSecond)} /s`;
}

/** The same of what may be rare: `2.5 /min` below one a second. */
export function fewText(perSecond: number): string {
  const perMinute = perSecond * 60;
  return perSecond >= 1 || perSecond === 0 ? rateText(perSecond) : `${threeDigits(Math.max(0.01, perMinute))} /min`;
}

/** `14:03:09.123` on the clock of who looks. */
export function clockText(ms: number): string {
  const at = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  const millis = String(at.getMilliseconds()).padStart(3, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${millis}`;
}

/** `2026-11-21 14:03:09.123` on the clock of who looks. */
export function momentText(ms: number): string {
  const at = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clockText(ms)}`;
}

/** Reads `10ms`, `1.5s`, `250us`, `2 min` or a bare number of ms; undefined for anything else. */
export function microsOf(text: string): number | undefined {
  const found = /^\s*(\d+(?:\.\d+)?)\s*(us|µs|μs|ms|s|min|m)?\s*$/i.exec(text);
  if (found === null) {
    return undefined;
  }
  const unit = (found[2] ?? 'ms').toLowerCase();
  const size = unit === 'ms' ? 1e3 : unit === 's' ? 1e6 : unit.startsWith('m') ? 60e6 : 1;
  return Math.round(Number(found[1]) * size);
}

function threeDigits(value: number): string {
  return value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : Number(value.toFixed(2)).toString();
}

/** The name of a span without the domain that all services of a cluster share: what tells it apart stands behind. */
export function shortName(name: string): string {
  return name.replace(/\.svc\.cluster\.local(?=[:/|\s]|$)/g, '');
}

/** Any number in at most five digits: `1,234`, `0.00123`, `12.3 M`, `1.2e-9`; the exact one belongs into a title. */
export function numberText(value: number | undefined): string {
  if (value === undefined) {
    return '–';
  }
  if (!Number.isFinite(value)) {
    return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
  }
  const size = Math.abs(value);
  const sign = value < 0 ? '-' : '';
  if (size >= 1e15 || (size > 0 && size < 1e-4)) {
    return value.toExponential(2);
  }
  return sign + (size >= 1e5 ? countText(size) : smallText(size));
}

function smallText(size: number): string {
  const digits = size >= 100 ? 1 : size >= 1 || size === 0 ? 3 : Math.min(6, 3 - Math.floor(Math.log10(size)));
  const [whole = '', part] = Number(size.toFixed(digits)).toString().split('.');
  return `${exactText(Number(whole))}${part === undefined ? '' : `.${part}`}`;
}
