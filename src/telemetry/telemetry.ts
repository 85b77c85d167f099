import { collectDefaultMetrics, Counter as PromCounter, Gauge as PromGauge, Registry } from 'prom-client';
import type { Counter, Gauge, Meter } from '../contract/runtime.ts';

export type Labels = Readonly<Record<string, string>>;
export interface Reading {
  readonly labels: Labels;
  readonly value: number;
}
export interface Instrument {
  readonly kind: 'counter' | 'gauge';
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** A number that a hot loop can add to for the price of an addition; prom-client reads it when somebody asks. */
class Cell implements Counter, Gauge {
  readonly labels: Labels;
  value = 0;

  constructor(labels: Labels) {
    this.labels = labels;
  }

  add(count: number): void {
    this.value += count;
  }

  set(value: number): void {
    this.value = value;
  }
}

/** The daemon's own metrics, prefix `meshbridge_`. */
export class Telemetry implements Meter {
  readonly #registry = new Registry();
  readonly #cells = new Map<string, Map<string, Cell>>();

  constructor() {
    // Its own 10 ms between looks at the event loop would be most of what an idle process costs.
    collectDefaultMetrics({ register: this.#registry, prefix: 'meshbridge_', eventLoopMonitoringPrecision: 1000 });
  }

  counter(name: string, help: string, labels: Labels = {}): Counter {
    return this.#cell({ kind: 'counter', name, help, labels: Object.keys(labels) }, labels);
  }

  gauge(name: string, help: string, labels: Labels = {}): Gauge {
    return this.#cell({ kind: 'gauge', name, help, labels: Object.keys(labels) }, labels);
  }

  /** Registers numbers that somebody else keeps; `read` is called once a page. */
  observe(instrument: Instrument, read: () => Iterable<Reading>): void {
    const { name, help } = instrument;
    const base = { name, help, labelNames: [...instrument.labels], registers: [this.#registry] };
    if (instrument.kind === 'counter') {
      new PromCounter({
        ...base,
        collect() {
          this.reset();
          for (const { labels, value } of read()) {
            this.inc({ ...labels }, value);
          }
        },
      });
      return;
    }
    new PromGauge({
      ...base,
      collect() {
        this.reset();
        for (const { labels, value } of read()) {
          this.set({ ...labels }, value);
        }
      },
    });
  }

  /** The page of `/metrics`, text format 0.0.4. */
  render(): Promise<string> {
    return this.#registry.metrics();
  }

  #cell(instrument: Instrument, labels: Labels): Cell {
    let cells = this.#cells.get(instrument.name);
    if (cells === undefined) {
      const made = new Map<string, Cell>();
      this.observe(instrument, () => made.values());
      this.#cells.set(instrument.name, made);
      cells = made;
    }
    const key = JSON.stringify(labels);
    const cell = cells.get(key) ?? new Cell(labels);
    cells.set(key, cell);
    return cell;
  }
}
