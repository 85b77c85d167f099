import { DaemonAway, DaemonClient, type DaemonPlace } from './daemon-client.ts';
import { exitCodes } from './exit-codes.ts';
import { MonitorRates } from './monitor-rates.ts';
import { type MonitorStatus, readMonitorStatus } from './monitor-status.ts';
import { type MonitorState, monitorLines } from './monitor-view.ts';
import { coloured, plain } from './paint.ts';
import { codes, type Screen } from './screen.ts';

export interface MonitorContext {
  readonly screen: Screen;
  /** Aborted to end it in good order. */
  readonly signal: AbortSignal;
}

const everyMs = 1_000;

/**
 * `meshbridge monitor`: draws a running daemon's status again and again until `q`; what is no terminal gets it once, and
 * without rates, which follow from two looks. Resolves with the exit code.
 */
export async function monitor(place: DaemonPlace, { screen, signal }: MonitorContext): Promise<number> {
  const asking = new Asking(place);
  if (!screen.isLive) {
    const state = await asking.ask(signal);
    const paint = screen.hasColours ? coloured : plain;
    for (const line of monitorLines(state, { columns: wideEnough, paint })) {
      screen.out(line);
    }
    return state.away === undefined ? exitCodes.good : exitCodes.failed;
  }
  const ended = new AbortController();
  const drawing = new Drawing(screen, () => ended.abort());
  const until = AbortSignal.any([signal, ended.signal]);
  try {
    drawing.begin(asking.state());
    while (!until.aborted) {
      drawing.show(await asking.ask(until));
      await pause(everyMs, until);
    }
  } finally {
    drawing.end();
  }
  return exitCodes.good;
}

/** A file or pipe has no width; what is cut would be lost there. */
const wideEnough = 200;

/** The last answer, and since when there is none. */
class Asking {
  readonly #client: DaemonClient;
  readonly #to: string;
  readonly #rates = new MonitorRates();
  #status: MonitorStatus | undefined;
  #away: { readonly why: string; readonly sinceMs: number } | undefined;

  constructor(place: DaemonPlace) {
    this.#client = new DaemonClient(place);
    this.#to = place.to;
  }

  async ask(signal: AbortSignal): Promise<MonitorState> {
    try {
      const status = readMonitorStatus(await this.#client.get('/api/native/status', signal));
      if (status === undefined) {
        throw new DaemonAway('what answers there is no meshbridge');
      }
      this.#status = status;
      this.#rates.add(status);
      this.#away = undefined;
    } catch (error) {
      if (!(error instanceof DaemonAway)) {
        throw error;
      }
      this.#away = { why: error.message, sinceMs: this.#away?.sinceMs ?? performance.now() };
    }
    return this.state();
  }

  state(): MonitorState {
    const away = this.#away;
    return {
      to: this.#to,
      rates: this.#rates,
      ...(this.#status && { status: this.#status }),
      ...(away && { away: { why: away.why, forMs: performance.now() - away.sinceMs } }),
    };
  }
}

const keys = {
  quit: ['q', 'Q', '\u0003', '\u0004', '\u001b'],
  down: ['\u001b[B', '\u001bOB', 'j'],
  up: ['\u001b[A', '\u001bOA', 'k'],
  pageDown: ['\u001b[6~', ' '],
  pageUp: ['\u001b[5~', 'b'],
  top: ['\u001b[H', '\u001b[1~', 'g'],
} as const;

/** What is on the screen: the part of the lines that fits, and the keys below. */
class Drawing {
  readonly #screen: Screen;
  readonly #onQuit: () => void;
  #listening: { stop(): void } | undefined;
  #state: MonitorState | undefined;
  /** The first line that is shown. */
  #from = 0;

  constructor(screen: Screen, onQuit: () => void) {
    this.#screen = screen;
    this.#onQuit = onQuit;
  }

  begin(state: MonitorState): void {
    this.#screen.write(codes.enter);
    this.#listening = this.#screen.listen({ key: (key) => this.#heard(key), resize: () => this.#draw() });
    this.show(state);
  }

  show(state: MonitorState): void {
    this.#state = state;
    this.#draw();
  }

  end(): void {
    this.#listening?.stop();
    this.#screen.write(codes.leave);
  }

  #heard(key: string): void {
    const is = (wanted: readonly string[]): boolean => wanted.includes(key);
    const page = Math.max(1, this.#screen.rows() - 2);
    if (is(keys.quit)) {
      this.#onQuit();
      return;
    }
    if (is(keys.top)) {
      this.#from = 0;
    }
    this.#from += is(keys.down) ? 1 : is(keys.up) ? -1 : is(keys.pageDown) ? page : is(keys.pageUp) ? -page : 0;
    this.#draw();
  }

  #draw(): void {
    if (this.#state === undefined) {
      return;
    }
    const [columns, rows] = [this.#screen.columns(), this.#screen.rows()];
    const paint = this.#screen.hasColours ? coloured : plain;
    const lines = monitorLines(this.#state, { columns, paint });
    const room = Math.max(1, rows - 1);
    this.#from = Math.max(0, Math.min(this.#from, lines.length - room));
    const shown = lines.slice(this.#from, this.#from + room);
    const below = lines.length - this.#from - shown.length;
    const rest = below > 0 ? `↓ ${below} more lines` : this.#from > 0 ? '↑ to the top' : '';
    const foot = ['q quit', rest]
      .filter((part) => part !== '')
      .join(' · ')
      .slice(0, columns);
    const body = shown.map((line) => `${line}${codes.clearLine}\r\n`).join('');
    this.#screen.write(`${codes.home}${body}${codes.clearBelow}${paint.dim(foot)}`);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, signal.aborted ? 0 : ms);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
