import { attributesOf } from '../../src/codec/log-block/attributes.ts';
import { LogBlockBuilder } from '../../src/codec/log-block/log-block-builder.ts';
import { logFlags, logLevels } from '../../src/model/log.ts';
import { compileLogSteps } from '../../src/pipeline/logs/log-steps.ts';
import { type LogSettings, plainLogSettings, type RecordSteps } from '../../src/pipeline/logs/settings.ts';
import { MemoryMeter } from './runtime.ts';

export interface SteppedRecord {
  readonly text: string;
  readonly level: string;
  readonly time: string;
  readonly stream: 'stdout' | 'stderr';
  readonly fields: Readonly<Record<string, unknown>> | undefined;
}

/** Steps with what comes out of them in the hand of a test. Lines are a second apart. */
export class StepsRig {
  readonly meter = new MemoryMeter();
  readonly #steps: RecordSteps;
  readonly #builder = new LogBlockBuilder();
  #seconds = 1_763_717_940;

  constructor(settings: Partial<LogSettings>) {
    const steps = compileLogSteps({ ...plainLogSettings, ...settings }, this.meter).open();
    if (steps === undefined) {
      throw new Error('these settings ask for nothing');
    }
    this.#steps = steps;
  }

  get steps(): RecordSteps {
    return this.#steps;
  }

  take(line: string | Uint8Array, stream: 0 | 1 = 0): ReturnType<RecordSteps['take']> {
    this.#seconds += 1;
    const bytes = typeof line === 'string' ? Buffer.from(line) : line;
    const marks = { seconds: this.#seconds, nanos: 0, flags: stream === 0 ? 0 : logFlags.stderr };
    return this.#steps.take(stream, { bytes, start: 0, end: bytes.length, ...marks }, this.#builder);
  }

  flushIdle(nowMs: number): void {
    this.#steps.flushIdle(0, nowMs, this.#builder);
    this.#steps.flushIdle(1, nowMs, this.#builder);
  }

  flush(): void {
    this.#steps.flush(0, this.#builder);
    this.#steps.flush(1, this.#builder);
  }

  /** All that came out so far. */
  get records(): readonly SteppedRecord[] {
    const block = this.#builder.block();
    return Array.from({ length: block.count }, (_, i) => ({
      text: Buffer.from(block.bytes.subarray(block.offsets[i], block.offsets[i + 1])).toString(),
      level: logLevels[block.levels[i]!]!,
      time: new Date(block.seconds[i]! * 1000 + block.nanos[i]! / 1e6).toISOString(),
      stream: (block.flags[i]! & logFlags.stderr) === 0 ? 'stdout' : 'stderr',
      fields: attributesOf(block, i),
    }));
  }

  get texts(): readonly string[] {
    return this.records.map(({ text }) => text);
  }
}

/** The records that these lines become. */
export function stepped(
  settings: Partial<LogSettings>,
  lines: readonly (string | Uint8Array)[],
): readonly SteppedRecord[] {
  const rig = new StepsRig(settings);
  for (const line of lines) {
    rig.take(line);
  }
  rig.flush();
  return rig.records;
}
