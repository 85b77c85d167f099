/** `1,234`; small fractions keep two digits. */
export function countText(value: number): string {
  const rounded = Math.abs(value) >= 10 || Number.isInteger(value) ? Math.round(value) : Number(value.toPrecision(2));
  return rounded.toLocaleString('en-US', { maximumFractionDigits: 6 });
}

export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const value = bytes / 1000 ** power;
  return `${value >= 99.5 || power === 0 ? Math.round(value) : Number(value.toPrecision(3))} ${units[power]}`;
}

/** `250 ms`, `3.2 s`, `12 min`, `5 h`. */
export function timeText(ms: number): string {
  const units = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1_000, 's'],
  ] as const;
  const [size, unit] = units.find(([least]) => Math.abs(ms) >= least) ?? [1, 'ms'];
  const value = ms / size;
  return `${Math.abs(value) >= 10 ? Math.round(value) : Number(value.toPrecision(2))} ${unit}`;
}

/** `1,234/s`; `–` where it is not known. */
export function rateText(perSecond: number | undefined): string {
  if (perSecond === undefined) {
    return '–';
  }
  return perSecond > 0 && perSecond < 0.05 ? '<0.1/s' : `${countText(Math.round(perSecond * 10) / 10)}/s`;
}
