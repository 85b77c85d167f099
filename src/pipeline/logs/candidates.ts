/** What a line may hold: one bit each. */
export const candidates = {
  privateKey: 1,
  url: 2,
  cloudKey: 4,
  assignment: 8,
  bearer: 16,
  jwt: 32,
  prefixed: 64,
  card: 128,
} as const;

/** Last letters of words that name something secret: password, secret(s), token, api_key, authorization, pwd, credentials. */
const endsOfNames = new Uint8Array(256);
for (const letter of 'dtnysDTNYS') {
  endsOfNames[letter.charCodeAt(0)] = 1;
}
/** May stand between a name and its `=` or `:`. */
const between = new Uint8Array(256);
for (const mark of '"\'\\ ') {
  between[mark.charCodeAt(0)] = 1;
}
/** Before the underscore of `ghp_`, `gho_`, `ghu_`, `ghs_`, `ghr_`, `github_`, `pat_`, `npm_`, `sk_`. */
const lastOfPrefix = new Uint8Array(256);
for (const letter of 'pousrbtmk') {
  lastOfPrefix[letter.charCodeAt(0)] = 1;
}
const names = [
  'password',
  'passwd',
  'pwd',
  'passphrase',
  'secret',
  'token',
  'key',
  'credential',
  'authorization',
  'passcode',
];

/** Bit of what may be around place `i`, or 0. */
type Check = (bytes: Uint8Array, start: number, i: number) => number;

/** Bytes at which a look back or ahead is worth the while, and what is asked there. */
const checks: readonly (readonly [marks: string, check: Check])[] = [
  ['@', () => candidates.url],
  ['=:', (bytes, start, i) => (isSecretName(bytes, start, i) ? candidates.assignment : 0)],
  ['-', dashed],
  ['_', (bytes, _, i) => (lastOfPrefix[bytes[i - 1] ?? 0] === 1 ? candidates.prefixed : 0)],
  ['Bb', (bytes, _, i) => (bytes[i + 1] === 101 && bytes[i + 2] === 97 ? candidates.bearer : 0)],
  ['J', (bytes, _, i) => (bytes[i - 1] === 121 && bytes[i - 2] === 101 ? candidates.jwt : 0)],
  ['KSI', cloud],
];
const checkAt = new Uint8Array(256);
for (const [i, [marks]] of checks.entries()) {
  for (const mark of marks) {
    checkAt[mark.charCodeAt(0)] = i + 1;
  }
}

/**
 * Finds out in one pass what is worth a closer look. It errs on the side of looking: what it does not name is not there.
 */
export function candidatesIn(bytes: Uint8Array, start: number, end: number): number {
  let found = 0;
  for (let i = start; i < end; i++) {
    const check = checkAt[bytes[i] ?? 0] ?? 0;
    if (check !== 0) {
      found |= checks[check - 1]?.[1](bytes, start, i) ?? 0;
    }
  }
  return hasLongNumber(bytes, start, end) ? found | candidates.card : found;
}

/** `-----BEGIN`, `xoxb-`, `sk-`, `glpat-`: by what is before or behind a dash. */
function dashed(bytes: Uint8Array, _: number, i: number): number {
  if (bytes[i + 1] === 45) {
    return bytes[i + 2] === 45 ? candidates.privateKey : 0;
  }
  const before = bytes[i - 1];
  return before === 107 || before === 116 || bytes[i - 2] === 120 ? candidates.prefixed : 0;
}

/** `AKIA`, `ASIA`, `AIza`: by their second letter. */
function cloud(bytes: Uint8Array, _: number, i: number): number {
  const next = bytes[i] === 73 ? 122 : 73;
  return bytes[i - 1] === 65 && bytes[i + 1] === next ? candidates.cloudKey : 0;
}

function isSecretName(bytes: Uint8Array, start: number, mark: number): boolean {
  let end = mark;
  while (end > start && between[bytes[end - 1] ?? 0] === 1) {
    end -= 1;
  }
  return end > start && endsOfNames[bytes[end - 1] ?? 0] === 1 && endsWithName(bytes, start, end);
}

function endsWithName(bytes: Uint8Array, start: number, end: number): boolean {
  const last = ((bytes[end - 1] ?? 0) | 32) === 115 ? end - 1 : end;
  return names.some((name) => isBefore(bytes, start, end, name) || isBefore(bytes, start, last, name));
}

function isBefore(bytes: Uint8Array, start: number, end: number, name: string): boolean {
  const from = end - name.length;
  if (from < start) {
    return false;
  }
  for (let i = name.length - 1; i >= 0; i--) {
    if (((bytes[from + i] ?? 0) | 32) !== name.charCodeAt(i)) {
      return false;
    }
  }
  return true;
}

const shortestCard = 13;

/** Thirteen bytes in a row that a card's number may be written with. Looks at every thirteenth byte, and back from there. */
function hasLongNumber(bytes: Uint8Array, start: number, end: number): boolean {
  let i = start + shortestCard - 1;
  while (i < end) {
    let back = i;
    while (back > i - shortestCard && isOfNumber(bytes[back] ?? 0)) {
      back -= 1;
    }
    if (back === i - shortestCard) {
      return true;
    }
    i = back + shortestCard;
  }
  return false;
}

function isOfNumber(byte: number): boolean {
  return (byte >= 48 && byte <= 57) || byte === 32 || byte === 45;
}
