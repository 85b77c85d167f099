import type { Extraction } from './ast.ts';
import { unsupported } from './errors.ts';
import type { LineParser } from './json-parser.ts';
import { labelName } from './line-labels.ts';

const logfmtFault = 'LogfmtParserErr';

export interface LogfmtOptions {
  /** Only these; all where there are none. */
  readonly labels: readonly Extraction[];
  /** `--strict`: stop at what is not logfmt. `--keep-empty`: keys without a value too. */
  readonly flags: ReadonlySet<string>;
}

export function logfmtParser({ labels: wanted, flags }: LogfmtOptions): LineParser {
  const strange = [...flags].find((flag) => flag !== '--strict' && flag !== '--keep-empty');
  if (strange !== undefined) {
    throw unsupported(`logfmt ${strange}`);
  }
  const strict = flags.has('--strict');
  const keepEmpty = flags.has('--keep-empty');
  return (text, labels) => {
    const found = new Map<string, string>();
    const fault = readPairs(text, (key, value) => {
      if (value !== '' || keepEmpty) {
        found.set(key, found.get(key) ?? value);
      }
    });
    if (fault !== undefined && strict) {
      labels.fail(logfmtFault, fault);
      return;
    }
    if (wanted.length === 0) {
      for (const [key, value] of found) {
        labels.extract(labelName(key), value);
      }
    }
    for (const { name, from } of wanted) {
      labels.extract(name, found.get(from) ?? '');
    }
  };
}

/** `key=value key="a \"value\"" key`; what is no pair is passed over, and the first of it is named. */
export function readPairs(text: string, take: (key: string, value: string) => void): string | undefined {
  const pair = /([^\s="]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*)))?(?=\s|$)|[^\s]+/gs;
  let fault: string | undefined;
  for (const { 0: whole, 1: key, 2: quoted, 3: bare, index } of text.matchAll(pair)) {
    if (key === undefined) {
      fault ??= `logfmt syntax error at pos ${index + 1} : unexpected ${JSON.stringify(whole[0])}`;
    } else {
      take(key, quoted === undefined ? (bare ?? '') : unescaped(quoted));
    }
  }
  return fault;
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' };

function unescaped(text: string): string {
  if (!text.includes('\\')) {
    return text;
  }
  return text.replaceAll(/\\(?:u([0-9a-fA-F]{4})|(.))/gs, (_, code: string | undefined, char: string = '') =>
    code === undefined ? (escapes[char] ?? char) : String.fromCharCode(Number.parseInt(code, 16)),
  );
}
