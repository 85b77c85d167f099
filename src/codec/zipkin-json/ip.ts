/** An address as spans carry it; at most one of both. */
export interface IpAddress {
  readonly ipv4?: string;
  readonly ipv6?: string;
}

const none: IpAddress = {};
const dotted = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const group = /^[0-9a-fA-F]{1,4}$/;

function groupsOf(text: string): readonly number[] | undefined {
  const parts = text === '' ? [] : text.split(':');
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (index === parts.length - 1 && dotted.test(part)) {
      const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
      groups.push(a * 256 + b, c * 256 + d);
    } else if (group.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

/** The eight groups of an IPv6 text (RFC 4291 §2.2), or undefined. */
function parseGroups(text: string): readonly number[] | undefined {
  const [head = '', tail, more] = text.split('::');
  if (more !== undefined) {
    return undefined;
  }
  const left = groupsOf(head);
  const right = tail === undefined ? [] : groupsOf(tail);
  if (left === undefined || right === undefined) {
    return undefined;
  }
  const missing = 8 - left.length - right.length;
  if (tail === undefined) {
    return missing === 0 ? left : undefined;
  }
  // A dotted end may only stand at the very end, so not before the `::`.
  const dottedHead = head.includes('.');
  return missing >= 1 && !dottedHead ? [...left, ...new Array<number>(missing).fill(0), ...right] : undefined;
}

function longestZeroRun(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: -1, length: 1 };
  let start = 0;
  for (let index = 0; index <= groups.length; index += 1) {
    if (groups[index] !== 0) {
      if (index - start > best.length) {
        best = { start, length: index - start };
      }
      start = index + 1;
    }
  }
  return best;
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
function ipv6Text(groups: readonly number[]): string {
  const hex = groups.map((value) => value.toString(16));
  const run = longestZeroRun(groups);
  return run.start < 0
    ? hex.join(':')
    : `${hex.slice(0, run.start).join(':')}::${hex.slice(run.start + run.length).join(':')}`;
}

function dottedText(high: number, low: number): string {
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/**
 * IPv4-mapped (`::ffff:1.2.3.4`) and the old IPv4-compatible addresses (`::1.2.3.4`) are IPv4; `::1` is not.
 * Takes eight groups.
 */
export function ipv6Address(groups: readonly number[]): IpAddress {
  const [high = 0, low = 0] = groups.slice(6);
  const isEmbedded = groups.slice(0, 5).every((value) => value === 0) && (groups[5] === 0xffff || groups[5] === 0);
  if (isEmbedded && (groups[5] === 0xffff || high !== 0)) {
    return { ipv4: dottedText(high, low) };
  }
  return { ipv6: ipv6Text(groups) };
}

/** Reads an address of either family. What is no address gives nothing: Zipkin ignores it too. */
export function parseIp(text: string): IpAddress {
  if (dotted.test(text)) {
    return { ipv4: text };
  }
  if (!text.includes(':')) {
    return none;
  }
  const groups = parseGroups(text);
  return groups === undefined ? none : ipv6Address(groups);
}
