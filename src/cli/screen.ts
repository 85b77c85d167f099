import type { Terminal } from './terminal.ts';

/** The terminal as a whole, for what is drawn again and again. */
export interface Screen extends Terminal {
  /** Both ends are a terminal: it can be drawn on, and hears keys. */
  readonly isLive: boolean;
  readonly hasColours: boolean;
  columns(): number;
  rows(): number;
  write(text: string): void;
  /** Calls back for each key, as the bytes that the terminal sends, and for each change of its size, until `stop`. */
  listen(on: { readonly key: (key: string) => void; readonly resize: () => void }): { stop(): void };
}

/** ECMA-48, and the private modes of xterm that all terminals of today have. */
export const codes = {
  enter: '\u001b[?1049h\u001b[?25l\u001b[?7l',
  leave: '\u001b[?7h\u001b[?25h\u001b[?1049l',
  home: '\u001b[H',
  clearLine: '\u001b[K',
  clearBelow: '\u001b[J',
} as const;

const usualSize = { columns: 80, rows: 24 };

/** The terminal of this process. `NO_COLOR` of any value but '' means none (no-color.org). */
export function processScreen(env: Readonly<Record<string, string | undefined>>): Screen {
  const { stdin, stdout, stderr } = process;
  return {
    out: (text) => stdout.write(`${text}\n`),
    err: (text) => stderr.write(`${text}\n`),
    isLive: stdout.isTTY && stdin.isTTY,
    hasColours: stdout.isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb',
    columns: () => (stdout.columns > 0 ? stdout.columns : usualSize.columns),
    rows: () => (stdout.rows > 0 ? stdout.rows : usualSize.rows),
    write: (text) => stdout.write(text),
    listen: ({ key, resize }) => {
      const heard = (bytes: Buffer): void => key(bytes.toString('utf8'));
      stdin.setRawMode(true);
      stdin.on('data', heard);
      stdin.resume();
      stdout.on('resize', resize);
      return {
        stop: () => {
          stdout.off('resize', resize);
          stdin.off('data', heard);
          stdin.pause();
          stdin.setRawMode(false);
        },
      };
    },
  };
}

/** Writes to what this process prints to, at the pace of whoever reads it. */
export function pacedPrint(text: string): Promise<void> {
  return new Promise((resolve) => {
    if (process.stdout.write(text)) {
      resolve();
    } else {
      process.stdout.once('drain', resolve);
    }
  });
}
