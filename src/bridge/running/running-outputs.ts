import type { LoadedOutput } from '../../config/load.ts';
import type { Logger } from '../../contract/runtime.ts';
import type { Lane } from '../../lane/lane.ts';
import { countText } from '../../lib/words.ts';
import type { Signal } from '../../model/batch.ts';
import { diffOf } from '../reload/diff.ts';
import { HostedOutput, type OutputHost } from './outputs.ts';
import type { Applied } from './running-inputs.ts';

export interface RunningOutputsOptions {
  readonly host: OutputHost;
  readonly log: Logger;
  /** Cursors of others than outputs, such as the store's. */
  readonly otherCursors: readonly string[];
}

/** Outputs that were made for another configuration and do nothing yet. */
export interface OutputPlan {
  readonly changed: readonly { readonly before: HostedOutput; readonly after: HostedOutput }[];
  readonly added: readonly HostedOutput[];
  readonly removed: readonly HostedOutput[];
  /** In the order of the configuration. */
  readonly order: readonly HostedOutput[];
}

/** The outputs that run, and how others take their places. */
export class RunningOutputs {
  readonly #options: RunningOutputsOptions;
  #outputs: readonly HostedOutput[] = [];

  constructor(options: RunningOutputsOptions) {
    this.#options = options;
  }

  get all(): readonly HostedOutput[] {
    return this.#outputs;
  }

  /** When it resolves all cursors are durable, so that whatever comes in is for these outputs. */
  async start(loaded: readonly LoadedOutput[]): Promise<void> {
    this.#outputs = loaded.map((one) => new HostedOutput(one, this.#options.host));
    await Promise.all(this.#outputs.map((output) => output.attach()));
    for (const line of await this.#giveUpPlaces()) {
      this.#options.log.warn(
        { lost: line },
        'An output is not configured any more; its place in the queue is given up.',
      );
    }
    for (const output of this.#outputs) {
      output.start();
    }
  }

  /** For the end of the process: what is queued is sent as long as it is taken. */
  async drain(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#outputs.map((output) => output.drain(signal)));
  }

  /** Makes what is new, and starts nothing. An output is known by its name. */
  plan(wanted: readonly LoadedOutput[]): OutputPlan {
    const diff = diffOf<HostedOutput, LoadedOutput>(this.#outputs, wanted, {
      kindOf: ({ name }) => name,
      wantedOf: ({ loaded }) => loaded,
      settingsOf: ({ type, config, delivery }) => ({ type, config, delivery }),
    });
    const made = new Map(
      wanted
        .filter((one) => !diff.kept.has(one))
        .map((one) => [one, new HostedOutput(one, this.#options.host)] as const),
    );
    const changed = [...diff.changed].flatMap(([one, before]) => {
      const after = made.get(one);
      return after === undefined ? [] : [{ before, after }];
    });
    const added = diff.added.flatMap((one) => made.get(one) ?? []);
    const order = wanted.flatMap((one) => diff.kept.get(one) ?? made.get(one) ?? []);
    return { changed, added, removed: diff.removed, order };
  }

  /**
   * What is new or changed. Requests that are under way are answered first, until `cut`. Call it before inputs change, and
   * `release` after that.
   */
  async apply({ changed, added, removed, order }: OutputPlan, cut: AbortSignal): Promise<Applied> {
    const applied: { changed: string[]; faults: string[] } = { changed: [], faults: [] };
    const instead = new Map<HostedOutput, HostedOutput | undefined>();
    await Promise.all([
      ...added.map(async (output) => {
        const runs = await this.#started(output, applied.faults);
        instead.set(output, runs ? output : undefined);
        applied.changed.push(...(runs ? [`the output ${output.name} is new`] : []));
      }),
      ...changed.map(async ({ before, after }) => {
        const runs = await this.#replaced(before, after, { cut, faults: applied.faults });
        instead.set(after, runs);
        applied.changed.push(...(runs === after ? [`the output ${after.name} has new settings`] : []));
      }),
    ]);
    const now = order.flatMap((output) => (instead.has(output) ? (instead.get(output) ?? []) : output));
    this.#outputs = [...now, ...removed];
    return applied;
  }

  /** What is not wanted any more. Its place in the queue is given up; the lines say what waited for it. */
  async release({ removed }: OutputPlan, cut: AbortSignal): Promise<readonly string[]> {
    await Promise.all(removed.map((output) => output.stop(cut)));
    this.#outputs = this.#outputs.filter((output) => !removed.includes(output));
    const given = await this.#giveUpPlaces();
    return [...removed.map(({ name }) => `the output ${name} is taken out`), ...given];
  }

  async #replaced(
    before: HostedOutput,
    after: HostedOutput,
    { cut, faults }: { readonly cut: AbortSignal; readonly faults: string[] },
  ): Promise<HostedOutput | undefined> {
    await before.stop(cut);
    if (await this.#started(after, faults)) {
      return after;
    }
    const again = new HostedOutput(before.loaded, this.#options.host);
    return (await this.#started(again, faults)) ? again : undefined;
  }

  async #started(output: HostedOutput, faults: string[]): Promise<boolean> {
    try {
      await output.attach();
      output.start();
      return true;
    } catch (error) {
      faults.push(`the output ${output.name} cannot start: ${error instanceof Error ? error.message : String(error)}`);
      await output.stop(AbortSignal.abort()).catch(() => undefined);
      return false;
    }
  }

  async #giveUpPlaces(): Promise<string[]> {
    const { host, otherCursors } = this.#options;
    const lines = await Promise.all(Object.values(host.lanes).map((lane) => this.#giveUp(lane, otherCursors)));
    return lines.flat();
  }

  async #giveUp(lane: Lane, otherCursors: readonly string[]): Promise<string[]> {
    const takes = (signal: Signal): string[] =>
      this.#outputs.filter(({ signals }) => signals.includes(signal)).map(({ name }) => name);
    const gone = await lane.detachMissing(new Set([...otherCursors, ...takes(lane.signal)]));
    return gone
      .filter(({ queuedItems }) => queuedItems > 0)
      .map(
        ({ output, queuedItems }) =>
          `${output} has no place in the queue of ${lane.signal} any more: ${countText(queuedItems)} that waited for it are given up`,
      );
  }
}
