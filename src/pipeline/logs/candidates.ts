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

/** Last letters of words that name something secret: password, passphrase, secret(s), token, api_key, authorization, pwd, credentials. */
const endsOfNames = new Uint8Array(256);
for (const letter of 'detnysDETNYS') {
  endsOfNames[letter.charCodeAt(0)] = 1;
}
/** May stand between a name and its `=` or `:`. */
const between = new Uint8Array(256);
for (const mark of '"\'\\ ') {
  between[mark.charCodeAt(0)] = 1;
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

/** Pairs of bytes at whose second a closer look is worth the while; what stands around them is asked for then. */
const pairs = new Uint8Array(65_536);

function mark(befores: string | undefined, marks: string): void {
  for (const letter of marks) {
    for (const before of befores ?? everyByte) {
      pairs[(before.charCodeAt(0) << 8) | letter.charCodeAt(0)] = 1;
    }
  }
}

const everyByte = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join('');
mark(undefined, '@');
mark('"\'\\ detnysDETNYS', '=:');
// -----BEGIN, sk-, glpat-, xoxb-
mark('-kt', '-');
mark('x', 'abeoprs');
// ghp_, gho_, ghu_, ghs_, ghr_, github_, pat_, npm_, sk_
mark('pousrbtmk', '_');
mark('Bb', 'e');
mark('y', 'J');
mark('A', 'KSI');

/**
 * Finds out in one pass what is worth a closer look. It errs on the side of looking: what it does not name is not there.
 */
export function candidatesIn(bytes: Uint8Array, start: number, end: number): number {
  let found = 0;
  let before = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i] ?? 0;
    if (pairs[(before << 8) | byte] === 1) {
      found |= candidateAt(bytes, start, i);
    }
    before = byte;
  }
  return hasLongNumber(bytes, start, end) ? found | candidates.card : found;
}

function candidateAt(bytes: Uint8Array, start: number, i: number): number {
  const next = bytes[i + 1];
  switch (String.fromCharCode(bytes[i] ?? 0)) {
    case '@':
      return candidates.url;
    case '=':
    case ':':
      return isSecretName(bytes, start, i) ? candidates.assignment : 0;
    case '-':
      return bytes[i - 1] === 45 ? candidates.privateKey : candidates.prefixed;
    case '_':
      return candidates.prefixed;
    case 'J':
      return candidates.jwt;
    case 'K':
    case 'S':
      return next === 73 ? candidates.cloudKey : 0;
    case 'I':
      return next === 122 ? candidates.cloudKey : 0;
    default:
      return next === 45 ? candidates.prefixed : bearerAt(next);
  }
}

/** Behind `Be` or `be`. */
function bearerAt(next: number | undefined): number {
  return next === 97 ? candidates.bearer : 0;
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
