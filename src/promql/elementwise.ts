/** Functions of one value at a time. */
export const elementwise: Readonly<Record<string, (value: number) => number>> = {
  abs: Math.abs,
  ceil: Math.ceil,
  floor: Math.floor,
  exp: Math.exp,
  sqrt: Math.sqrt,
  ln: Math.log,
  log2: Math.log2,
  log10: Math.log10,
  sgn: Math.sign,
  deg: (value) => (value * 180) / Math.PI,
  rad: (value) => (value * Math.PI) / 180,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
};

/** Undefined means that there is no such value; `params` are those of the call at the same time. */
type WithParameters = (value: number, params: readonly number[]) => number | undefined;

export const withParameters: Readonly<Record<string, WithParameters>> = {
  round: (value, [nearest = 1]) => {
    const inverse = 1 / nearest;
    return Math.floor(value * inverse + 0.5) / inverse;
  },
  clamp: (value, [least = Number.NaN, most = Number.NaN]) =>
    most < least ? undefined : Math.max(least, Math.min(most, value)),
  clamp_min: (value, [least = Number.NaN]) => Math.max(least, value),
  clamp_max: (value, [most = Number.NaN]) => Math.min(most, value),
};

type OfTime = (time: Date) => number;
const dayMs = 86_400_000;

const calendar: Readonly<Record<string, OfTime>> = {
  minute: (time) => time.getUTCMinutes(),
  hour: (time) => time.getUTCHours(),
  day_of_week: (time) => time.getUTCDay(),
  day_of_month: (time) => time.getUTCDate(),
  day_of_year: (time) => Math.floor((time.getTime() - Date.UTC(time.getUTCFullYear(), 0, 1)) / dayMs) + 1,
  days_in_month: (time) => new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth() + 1, 0)).getUTCDate(),
  month: (time) => time.getUTCMonth() + 1,
  year: (time) => time.getUTCFullYear(),
};

/** Parts of the date that a value means as seconds since 1970, in UTC. */
export const calendarFunctions: Readonly<Record<string, (seconds: number) => number>> = Object.fromEntries(
  Object.entries(calendar).map(([name, of]) => [name, (seconds: number) => of(new Date(Math.trunc(seconds) * 1_000))]),
);
