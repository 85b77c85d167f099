import { sniffLevel } from '../../codec/log-block/level.ts';
import { logLevels } from '../../model/log.ts';
import type { Follower } from './follower.ts';
import type { TraceLanguage } from './settings.ts';
import { beginOf, type Text } from './text.ts';

/** A line that the pattern is found in leads from one of `from` to `to`. Patterns look at the first bytes only. */
interface Rule {
  readonly from: readonly string[];
  readonly pattern: RegExp;
  readonly to: string;
}

interface Machine {
  /** What a trace begins with. `bare`: it is no line of a log, so one that was written before it belongs to it. */
  readonly starts: readonly { readonly pattern: RegExp; readonly to: string; readonly bare: boolean }[];
  readonly rules: readonly Rule[];
}

/** Patterns are not asked about more than this, which also bounds how long they take. */
const reach = 512;
const thrown = /(?:^|[\s:(>])(?:[A-Za-z_$][\w$]*\.){1,16}[\w$]*(?:Exception|Error|Throwable|Failure)(?=[:\s]|$)/;
const bareThrown = /^(?:[A-Za-z_$][\w$]*\.){1,16}[\w$]*(?:Exception|Error|Throwable|Failure)(?=[:\s]|$)/;
const indented = /^[\t ]+\S/;
const blank = /^\s*$/;

const machines: Readonly<Record<TraceLanguage, Machine>> = {
  java: {
    starts: [
      { pattern: bareThrown, to: 'java', bare: true },
      { pattern: /^Exception in thread "/, to: 'java', bare: true },
      { pattern: thrown, to: 'java', bare: false },
    ],
    rules: [
      { from: ['java'], pattern: indented, to: 'java' },
      { from: ['java'], pattern: /^(?:Caused by: |Suppressed: |nested exception is: ?|Wrapped by: )/, to: 'java' },
      { from: ['java'], pattern: /^\.\.\. \d+ (?:more|common frames omitted)/, to: 'java' },
    ],
  },
  dotnet: {
    starts: [
      { pattern: /^(?:Unhandled [Ee]xception[.:] )/, to: 'dotnet', bare: true },
      { pattern: bareThrown, to: 'dotnet', bare: true },
      { pattern: /^(?:trce|dbug|info|warn|fail|crit): /, to: 'dotnetLogger', bare: false },
      { pattern: thrown, to: 'dotnet', bare: false },
    ],
    rules: [
      { from: ['dotnet'], pattern: /^[\t ]*(?:at |---> |--- End of )/, to: 'dotnet' },
      { from: ['dotnet'], pattern: indented, to: 'dotnet' },
      { from: ['dotnetLogger'], pattern: /^ {6}/, to: 'dotnetLogger' },
    ],
  },
  python: {
    starts: [
      { pattern: /^\s*(?:\+ Exception Group )?Traceback \(most recent call last\):/, to: 'python', bare: true },
      { pattern: /Traceback \(most recent call last\):\s*$/, to: 'python', bare: false },
    ],
    rules: [
      { from: ['python'], pattern: indented, to: 'python' },
      { from: ['python'], pattern: /^[A-Za-z_][\w.]*(?::|$)/, to: 'pythonEnd' },
      { from: ['pythonEnd', 'pythonBlank', 'pythonNext'], pattern: blank, to: 'pythonBlank' },
      {
        from: ['pythonEnd', 'pythonBlank'],
        pattern: /^(?:During handling of the above exception|The above exception was the direct cause)/,
        to: 'pythonNext',
      },
      { from: ['pythonBlank', 'pythonNext'], pattern: /^Traceback \(most recent call last\):/, to: 'python' },
      { from: ['pythonEnd'], pattern: indented, to: 'pythonEnd' },
    ],
  },
  go: {
    starts: [
      { pattern: /^(?:panic: |fatal error: |runtime: |SIG[A-Z]+: )/, to: 'go', bare: true },
      { pattern: /http: panic serving /, to: 'go', bare: false },
      { pattern: /^goroutine \d+ \[[^\]]*\]:\s*$/, to: 'goFrames', bare: true },
    ],
    rules: [
      { from: ['go', 'goGap'], pattern: blank, to: 'go' },
      { from: ['go', 'goGap'], pattern: /^goroutine \d+ (?:gp=\S+ )?(?:m=\S+ )?(?:mp=\S+ )?\[/, to: 'goFrames' },
      {
        from: ['go'],
        pattern: /^(?:\[signal |\tpanic: |panic: |fatal error: |runtime: |runtime stack:|PC=0x|\s)/,
        to: 'go',
      },
      { from: ['goFrames', 'go'], pattern: /^(?:created by |[\w./*()[\]{}~%$·,-]+\(.*\)$)/, to: 'goFrames' },
      { from: ['goFrames'], pattern: /^(?:\t|\.\.\.)/, to: 'goFrames' },
      { from: ['goFrames'], pattern: blank, to: 'goGap' },
      { from: ['goFrames'], pattern: /^exit status \d/, to: 'goGap' },
      {
        from: ['goGap', 'go'],
        pattern: /^(?:exit status \d|(?:r[a-z0-9]{1,3}|e[a-z]{2}|x\d+|[c-g]s|[sl][pr]|pc|fault|trap|error) +0x)/,
        to: 'goGap',
      },
    ],
  },
  node: {
    starts: [
      { pattern: /^(?:file:\/\/)?(?:\/|[A-Za-z]:\\|node:)\S+:\d+$/, to: 'nodeSource', bare: true },
      { pattern: /^(?:Uncaught )?[A-Za-z_$]*(?:Error|Exception)(?: \[\w+\])?(?::|$)/, to: 'node', bare: true },
      { pattern: /(?:^|[\s:(])[A-Za-z_$]*Error(?: \[\w+\])?: /, to: 'node', bare: false },
    ],
    rules: [
      { from: ['nodeSource'], pattern: /^(?:\s|$)/, to: 'nodeSource' },
      { from: ['nodeSource'], pattern: /^(?:Uncaught )?(?:[A-Za-z_$]*(?:Error|Exception)\b|\[[A-Z]\w*)/, to: 'node' },
      { from: ['node'], pattern: indented, to: 'node' },
      { from: ['node'], pattern: /^\}/, to: 'nodeEnd' },
      { from: ['node', 'nodeEnd'], pattern: /^Node\.js v\d/, to: 'nodeEnd' },
      { from: ['nodeEnd', 'node'], pattern: blank, to: 'nodeEnd' },
    ],
  },
};

/** What every first line of a trace has something of; most lines have nothing of it. */
const mayBegin = /rror|xception|hrowable|ailure|raceback|panic|goroutine|^SIG|^runtime: |^[a-z]{4}: |:\d+$/;

const warn = logLevels.indexOf('warn');
/** A line of a log that something went wrong: what is thrown below it belongs to it. */
const logged = 'logged';

/** Follows one stream; says of each line whether it belongs to the one before. */
export class TraceFollower implements Follower {
  readonly #starts: Machine['starts'];
  readonly #rules: ReadonlyMap<string, readonly Rule[]>;
  /** All that it may be: languages look alike at first. Empty: nothing is open. */
  #states: readonly string[] = [];

  constructor(languages: readonly TraceLanguage[]) {
    const chosen = languages.map((language) => machines[language]);
    this.#starts = chosen.flatMap(({ starts }) => starts);
    const rules = chosen.flatMap((machine) => machine.rules);
    const states = new Set(rules.flatMap(({ from }) => from));
    this.#rules = new Map([...states].map((state) => [state, rules.filter(({ from }) => from.includes(state))]));
  }

  judge(text: Text): 'begin' | 'continue' | 'alone' {
    const line = beginOf(text, reach);
    const next = this.#states.flatMap((state) => this.#follow(line, state));
    if (next.length > 0) {
      this.#states = [...new Set(next)];
      return 'continue';
    }
    const begun = mayBegin.test(line)
      ? this.#starts.filter(({ pattern }) => pattern.test(line)).map(({ to }) => to)
      : [];
    this.#states = begun.length > 0 ? [...new Set(begun)] : loggedTrouble(text);
    return this.#states.length === 0 ? 'alone' : 'begin';
  }

  reset(): void {
    this.#states = [];
  }

  #follow(line: string, state: string): readonly string[] {
    if (state === logged) {
      return this.#starts.filter(({ pattern, bare }) => bare && pattern.test(line)).map(({ to }) => to);
    }
    const to = this.#rules.get(state)?.find(({ pattern }) => pattern.test(line))?.to;
    return to === undefined ? [] : [to];
  }
}

function loggedTrouble({ bytes, start, end }: Text): readonly string[] {
  const isJson = bytes[start] === 123;
  return !isJson && sniffLevel(bytes, start, end) >= warn ? [logged] : [];
}
