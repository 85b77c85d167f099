/** What kind of thing is wrong; programs that read `check --json` hold on to these. */
export type FaultCode =
  | 'file' // can't be found or read
  | 'syntax' // not TOML, not YAML
  | 'unknown-key'
  | 'unknown-component'
  | 'missing-key'
  | 'type'
  | 'value'
  | 'environment'
  | 'secret'
  | 'conflict' // two places say different things
  | 'no-effect' // understood, and does nothing
  | 'not-yet' // known, not part of this version
  | 'connect';

/** One thing that is wrong, in words for whoever wrote the file. */
export interface Fault {
  readonly code: FaultCode;
  /** As the user would name it: relative where it was found relative. */
  readonly file?: string;
  /** Counts from 1. */
  readonly line?: number;
  /** Such as `inputs.zipkin[0].pathV1`; an environment variable's or a flag's name; empty for a whole file. */
  readonly keyPath: string;
  /** Goes on after the key path: `unknown key`, `"10x" is not a duration`. */
  readonly message: string;
  /** What to write instead. */
  readonly hint?: string;
}

/** Where something was written. */
export type Place = Pick<Fault, 'file' | 'line' | 'keyPath'>;

/** `file:line: key path: message; hint`, always one line. */
export function formatFault(fault: Fault): string {
  const where = fault.file === undefined ? [] : [fault.line === undefined ? fault.file : `${fault.file}:${fault.line}`];
  const path = fault.keyPath === '' ? [] : [fault.keyPath];
  const sentence = fault.hint === undefined ? fault.message : `${fault.message}; ${fault.hint}`;
  return [...where, ...path, sentence].join(': ').replace(/\s*[\r\n]+\s*/g, ' ');
}

export type PathStep = string | number;

/** `inputs.prom[0].tags."app.kubernetes.io/name"`. */
export function keyPathOf(path: readonly PathStep[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') {
      text += `[${step}]`;
    } else {
      const key = /^[A-Za-z0-9_-]+$/.test(step) ? step : JSON.stringify(step);
      text += text === '' ? key : `.${key}`;
    }
  }
  return text;
}
