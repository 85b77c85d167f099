import { LogqlError } from '../../../logql/errors.ts';
import { parse } from '../../../logql/parse.ts';
import { Pipeline } from '../../../logql/pipeline.ts';
import type { LineAt } from './line-scan.ts';
import { LineView } from './line-view.ts';
import { asBridgeError } from './loki-fault.ts';
import { LokiSelector } from './loki-selector.ts';

/** Tells which lines pass a log query of LogQL. */
export class LogqlFilter {
  readonly #selector: LokiSelector;
  readonly #pipeline: Pipeline;

  /** Throws BRIDGE_DECODE at a wrong query, BRIDGE_UNSUPPORTED at one that is not evaluated. */
  constructor(query: string) {
    try {
      const expr = parse(query);
      if (expr.kind !== 'log') {
        throw new LogqlError('syntax', 'a query of lines is expected, not one of numbers');
      }
      this.#selector = new LokiSelector(expr.matchers, { startMs: 0, endMs: Number.MAX_SAFE_INTEGER });
      this.#pipeline = new Pipeline(expr.stages);
    } catch (error) {
      throw error instanceof LogqlError ? asBridgeError(error) : error;
    }
  }

  /** Stand in every line that passes. */
  get texts(): readonly string[] {
    return this.#pipeline.texts;
  }

  passes(at: LineAt): boolean {
    const stream = this.#selector.view(at.labels, at.flags);
    if ((stream.levelBits & (1 << at.level)) === 0) {
      return false;
    }
    const line = new LineView(at);
    line.stand(stream);
    return this.#pipeline.run(line) !== undefined;
  }
}
