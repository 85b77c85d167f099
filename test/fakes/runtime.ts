import { tmpdir } from 'node:os';
import type { Counter, Gauge, Logger, Meter, Runtime } from '../../src/contract/runtime.ts';
import { HeldClock } from './clock.ts';

export type LogLevelName = 'debug' | 'info' | 'warn' | 'error';

export interface LogEntry {
  readonly level: LogLevelName;
  readonly fields: object;
  readonly message: string;
}

/** Keeps what was logged. */
export class MemoryLog implements Logger {
  readonly entries: LogEntry[] = [];

  debug(fields: object, message: string): void {
    this.entries.push({ level: 'debug', fields, message });
  }

  info(fields: object, message: string): void {
    this.entries.push({ level: 'info', fields, message });
  }

  warn(fields: object, message: string): void {
    this.entries.push({ level: 'warn', fields, message });
  }

  error(fields: object, message: string): void {
    this.entries.push({ level: 'error', fields, message });
  }

  at(level: LogLevelName): readonly LogEntry[] {
    return this.entries.filter((entry) => entry.level === level);
  }
}

/** Keeps counters and gauges by name and labels. Asking again for the same gives the same counter. */
export class MemoryMeter implements Meter {
  readonly #values = new Map<string, number>();

  counter(name: string, _help: string, labels: Readonly<Record<string, string>> = {}): Counter {
    const key = meterKey(name, labels);
    const values = this.#values;
    values.set(key, values.get(key) ?? 0);
    return {
      add: (count) => {
        if (!(count >= 0)) {
          throw new Error(`counter ${key} was given ${count}`);
        }
        values.set(key, (values.get(key) ?? 0) + count);
      },
      get value() {
        return values.get(key) ?? 0;
      },
    };
  }

  gauge(name: string, _help: string, labels: Readonly<Record<string, string>> = {}): Gauge {
    const key = meterKey(name, labels);
    return { set: (value) => this.#values.set(key, value) };
  }

  /** Undefined when nobody made it. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    return this.#values.get(meterKey(name, labels));
  }

  names(): readonly string[] {
    return [...this.#values.keys()];
  }
}

function meterKey(name: string, labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return parts.length === 0 ? name : `${name}{${parts.join(',')}}`;
}

export interface FakeRuntime extends Runtime {
  readonly log: MemoryLog;
  readonly clock: HeldClock;
  readonly meter: MemoryMeter;
}

export interface FakeRuntimeOptions {
  readonly id?: string;
  readonly dataDir?: string;
  readonly clock?: HeldClock;
}

/** All that a component may reach, held still and remembered. */
export function fakeRuntime(options: FakeRuntimeOptions = {}): FakeRuntime {
  return {
    id: options.id ?? 'test.component[0]',
    log: new MemoryLog(),
    clock: options.clock ?? new HeldClock(),
    meter: new MemoryMeter(),
    dataDir: options.dataDir ?? tmpdir(),
    userAgent: 'meshbridge/test',
    instance: 'test-instance',
  };
}
