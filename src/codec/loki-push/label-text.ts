import { BridgeError } from '../../contract/errors.ts';
import type { Label } from './push.ts';

/** `{app="a", zone="b"}`: how a stream names itself in a push request (Prometheus' label syntax). */
export function labelText(labels: readonly Label[]): string {
  return `{${labels.map(([name, value]) => `${name}=${quoted(value)}`).join(', ')}}`;
}

/** Other characters may stand as they are: the text is UTF-8. */
function quoted(value: string): string {
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}

const pair = /\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*("(?:[^"\\\n]|\\.)*"|`[^`]*`)\s*(,|$)/y;

/** The labels of such a text, sorted by name, without empty ones. Throws BRIDGE_DECODE. */
export function parseLabelText(text: string): Label[] {
  const inner = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1];
  if (inner === undefined) {
    throw bad(text, 'it is not in braces');
  }
  const labels = new Map<string, string>();
  for (pair.lastIndex = 0; pair.lastIndex < inner.trimEnd().length; ) {
    const at = pair.lastIndex;
    const found = pair.exec(inner);
    if (found === null) {
      throw bad(text, `no name="value" at character ${at + 1}`);
    }
    const [, name = '', value = ''] = found;
    if (labels.has(name)) {
      throw bad(text, `${name} stands twice`);
    }
    labels.set(name, unquoted(value));
  }
  return [...labels].filter(([, value]) => value !== '').sort(([a], [b]) => (a < b ? -1 : 1));
}

const escapes: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};
const escapeSequence = /\\(?:u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2}|[0-7]{3}|.)/g;

/** A Go string literal. */
function unquoted(literal: string): string {
  const inner = literal.slice(1, -1);
  return literal.startsWith('`') ? inner : inner.replaceAll(escapeSequence, characterOf);
}

function characterOf(sequence: string): string {
  if (sequence.length === 2) {
    const letter = sequence.slice(1);
    return escapes[letter] ?? letter;
  }
  const isOctal = /\d/.test(sequence.charAt(1));
  const code = isOctal ? Number.parseInt(sequence.slice(1), 8) : Number.parseInt(sequence.slice(2), 16);
  return code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd';
}

function bad(text: string, why: string): BridgeError {
  return new BridgeError('BRIDGE_DECODE', `not the labels of a stream: ${why}: ${text.slice(0, 200)}`);
}
