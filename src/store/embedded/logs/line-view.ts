import { accessLogFields } from '../../../codec/access-log/access-log.ts';
import { parseAttributes } from '../../../codec/log-block/attributes.ts';
import type { LogLine, Values } from '../../../logql/source.ts';
import { logLevels } from '../../../model/log.ts';
import type { LineAt } from './line-scan.ts';
import type { StreamView } from './loki-selector.ts';
import { traceIdIn } from './trace-id.ts';

const noValues: Values = {};

/** The line that a `LineAt` stands at, as LogQL sees it. */
export class LineView implements LogLine {
  readonly #at: LineAt;
  stream = noValues;

  constructor(at: LineAt) {
    this.#at = at;
  }

  stand({ labels }: StreamView): void {
    this.stream = labels;
  }

  get seconds(): number {
    return this.#at.seconds;
  }

  get nanos(): number {
    return this.#at.nanos;
  }

  get level(): string {
    return logLevels[this.#at.level] ?? 'unknown';
  }

  get length(): number {
    return this.#at.length;
  }

  get bytes(): Buffer {
    return this.#at.message;
  }

  get hasMetadata(): boolean {
    return this.#at.attributes.length > 0;
  }

  metadata(): Readonly<Record<string, string | number | boolean>> {
    return parseAttributes(this.#at.attributes) ?? noValues;
  }

  derived(): Values {
    const fields = accessLogFields(this.#at.message);
    return fields === undefined
      ? noValues
      : Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)]));
  }

  traceId(): string {
    return traceIdIn(this.#at.message.toString()) ?? '';
  }
}
