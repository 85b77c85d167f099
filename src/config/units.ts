const durationUnitsMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // U+00B5, micro sign
  μs: 1e-3, // U+03BC, Greek mu: Go takes both
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const byteUnits: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

const durationPart = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d|w)/y;
const sizeForm = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/;
const percentForm = /^(\d+(?:\.\d+)?)\s*%$/;

/** Go's `time.ParseDuration` without a sign, plus `d` (24 h) and `w` (7 d). Gives ms, or undefined when the text is not one. */
export function parseDurationMs(text: string): number | undefined {
  if (text === '0') {
    return 0;
  }
  let totalMs = 0;
  let end = 0;
  while (end < text.length) {
    durationPart.lastIndex = end;
    const part = durationPart.exec(text);
    const unitMs = durationUnitsMs[part?.[2] ?? ''];
    if (part === null || unitMs === undefined) {
      return undefined;
    }
    totalMs += Number(part[1]) * unitMs;
    end = durationPart.lastIndex;
  }
  return end === 0 ? undefined : totalMs;
}

/** `kB MB GB TB` = powers of 1000, `KiB MiB GiB TiB` = powers of 1024, in any case of letters; a bare number is bytes. */
export function parseBytes(text: string): number | undefined {
  const match = sizeForm.exec(text);
  const factor = byteUnits[match?.[2]?.toLowerCase() ?? '?'];
  return match === null || factor === undefined ? undefined : Math.round(Number(match[1]) * factor);
}

/** A share of something (0 to 100), or a size. */
export type PercentOrBytes = { readonly percent: number } | { readonly bytes: number };

export function parsePercentOrBytes(text: string): PercentOrBytes | undefined {
  const match = percentForm.exec(text);
  if (match !== null) {
    const percent = Number(match[1]);
    return percent <= 100 ? { percent } : undefined;
  }
  const bytes = parseBytes(text);
  return bytes === undefined ? undefined : { bytes };
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const hostPortForm = /^(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([^\s:[\]/]*)):(\d{1,5})$/;

/** `host:port`, `[ipv6]:port`, or `:port` for every address (host `0.0.0.0`). */
export function parseHostPort(text: string): HostPort | undefined {
  const match = hostPortForm.exec(text);
  if (match === null || Number(match[3]) > 65_535) {
    return undefined;
  }
  const host = match[1] ?? match[2] ?? '';
  return { host: host === '' ? '0.0.0.0' : host, port: Number(match[3]) };
}
