import { candidates } from './candidates.ts';
import type { RedactionSet } from './settings.ts';

/** Finds one kind of thing. Runs on the bytes as characters of one byte each, so patterns know ASCII only. */
export interface RedactionRule {
  readonly name: string;
  /** Bit of `candidates` that a line must have. */
  readonly candidate: number;
  /** Global. In linear time: repeats are bounded, or cannot begin at every byte. */
  readonly pattern: RegExp;
  /** `before`: the groups stay before it. `around`: the first stays before it, the second behind it. */
  readonly keeps: 'nothing' | 'before' | 'around';
  /** How much of the match, from its beginning, is one; 0 where none is. All of it where the rule has no such. */
  readonly length?: (match: string) => number;
}

const notWord = '(?<![A-Za-z0-9_])';

const tokens: readonly RedactionRule[] = [
  {
    name: 'authorization',
    candidate: candidates.assignment,
    pattern:
      /((?:proxy-)?authorization\\{0,3}["']?[ \t]{0,4}[:=][ \t]{0,4}\\{0,3}["']?(?:(?:basic|bearer|digest|token|negotiate|apikey)[ \t]+)?)[^ \t\r\n"'\\,;[\]]{4,}/gi,
    keeps: 'before',
  },
  {
    name: 'bearer',
    candidate: candidates.bearer,
    pattern: /((?<![A-Za-z0-9_])[Bb]earer[ \t]+)[A-Za-z0-9._~+/=-]{16,}/g,
    keeps: 'before',
  },
  {
    name: 'jwt',
    candidate: candidates.jwt,
    pattern: /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*/g,
    keeps: 'nothing',
  },
  {
    name: 'access-token',
    candidate: candidates.prefixed,
    pattern: new RegExp(
      `${notWord}(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_-]{20,}|npm_[A-Za-z0-9]{30,}|xox[abeoprs]-[A-Za-z0-9-]{10,}|[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{20,})`,
      'g',
    ),
    keeps: 'nothing',
  },
  {
    name: 'token',
    candidate: candidates.assignment,
    pattern: assignments('token'),
    keeps: 'before',
    length: (match) => (/[:=][ \t\\"']*(?:\d{1,9}|true|false|null|nil|none)?["']?$/i.test(match) ? 0 : match.length),
  },
];

const keys: readonly RedactionRule[] = [
  {
    name: 'private-key',
    candidate: candidates.privateKey,
    pattern: /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:[^-]|-(?!----END))*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?/g,
    keeps: 'nothing',
  },
  {
    name: 'url-password',
    candidate: candidates.url,
    pattern: /([A-Za-z][A-Za-z0-9+.-]{0,30}:\/\/[^ \t\r\n:/?#@"'<>]{0,256}:)[^ \t\r\n/?#@"'<>]{1,512}(@)/g,
    keeps: 'around',
  },
  {
    name: 'aws-key',
    candidate: candidates.cloudKey,
    pattern: /(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])/g,
    keeps: 'nothing',
  },
  {
    name: 'google-key',
    candidate: candidates.cloudKey,
    pattern: /(?<![A-Za-z0-9_-])AIza[A-Za-z0-9_-]{35}/g,
    keeps: 'nothing',
  },
  {
    name: 'password',
    candidate: candidates.assignment,
    pattern: assignments(
      '(?:passwords?|passwd|pwd|passphrase|passcode|(?:client[_-]?)?secrets?(?:[_-]?(?:access)?[_-]?key)?|(?:api|access|private|account|encryption|signing)[_-]?keys?|credentials?)',
    ),
    keeps: 'before',
    length: (match) => (/[:=][ \t\\"']*(?:true|false|null|nil|none)?["']?$/i.test(match) ? 0 : match.length),
  },
];

const cards: readonly RedactionRule[] = [
  {
    name: 'card',
    candidate: candidates.card,
    pattern: /(?<![0-9.])[2-6][0-9](?:[ -]?[0-9]){11,17}(?![0-9])/g,
    keeps: 'nothing',
    length: cardLength,
  },
];

const emails: readonly RedactionRule[] = [
  {
    name: 'email',
    candidate: candidates.url,
    pattern: /(?<![A-Za-z0-9_.+%-])[A-Za-z0-9_.+%-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])/g,
    keeps: 'nothing',
  },
];

export const rulesOfSet: Readonly<Record<RedactionSet, readonly RedactionRule[]>> = {
  secrets: [...keys, ...tokens],
  tokens,
  cards,
  emails,
};

/** `name=value`, `name: value`, `"name":"value"`, also where it is escaped within a string. Quotes stay, so that JSON stays JSON. */
function assignments(name: string): RegExp {
  const escaped = '(\\\\{1,7}")(?:[^"\\\\\\r\\n]|\\\\+(?!["\\\\]))*';
  const quoted = '(")(?:[^"\\\\\\r\\n]|\\\\.)*';
  const single = "(')[^'\\r\\n]*";
  const bare = '[^ \\t\\r\\n,;&"\'\\\\(){}[\\]<>]+';
  return new RegExp(
    `(${name}\\\\{0,7}["']?[ \\t]{0,4}[:=][ \\t]{0,4})(?:${escaped}|${quoted}|${single}|${bare})`,
    'gi',
  );
}

/** Lengths by the first digits; in ISO/IEC 7812 and the lists of the networks. */
const networks: readonly { readonly begins: RegExp; readonly lengths: readonly number[] }[] = [
  { begins: /^4/, lengths: [19, 16, 13] },
  { begins: /^(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, lengths: [16] },
  { begins: /^3[47]/, lengths: [15] },
  { begins: /^(?:30[0-5]|3[689])/, lengths: [14] },
  { begins: /^35/, lengths: [16] },
  { begins: /^(?:6011|64[4-9]|65)/, lengths: [16, 19] },
  { begins: /^62/, lengths: [19, 18, 17, 16] },
];

/** How many characters of the match are a card's number: digits may follow that are none of it. */
function cardLength(match: string): number {
  const digits = match.replace(/[ -]/g, '');
  const lengths = networks.find(({ begins }) => begins.test(digits))?.lengths ?? [];
  const wanted = lengths.find((length) => length <= digits.length && hasLuhn(digits.slice(0, length)));
  const end = wanted === undefined ? 0 : placeOfDigit(match, wanted);
  const next = match[end] ?? ' ';
  return next >= '0' && next <= '9' ? 0 : end;
}

/** Behind the digit of that number. */
function placeOfDigit(text: string, digit: number): number {
  let seen = 0;
  let i = 0;
  while (seen < digit) {
    seen += text[i] === ' ' || text[i] === '-' ? 0 : 1;
    i += 1;
  }
  return i;
}

function hasLuhn(digits: string): boolean {
  const sum = Array.from(digits).reduceRight((total, digit, i) => {
    const isDoubled = (digits.length - i) % 2 === 0;
    const value = Number(digit) * (isDoubled ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}
