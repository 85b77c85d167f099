import type { LoadedInput } from '../../config/load.ts';
import type { HttpRoute } from '../../contract/http.ts';
import type { Logger } from '../../contract/runtime.ts';
import type { InputStatus } from '../../contract/status.ts';
import { withinMs } from '../../lib/within.ts';
import { diffOf } from '../reload/diff.ts';
import type { PlannedInput } from './discovery.ts';
import { HostedInput, type InputHost } from './inputs.ts';

/** Where the routes of inputs are put. */
export interface RouteTable {
  add(route: HttpRoute): void;
  exchange(gone: readonly HttpRoute[], come: readonly HttpRoute[]): Promise<void>;
  checkExchange(gone: readonly HttpRoute[], come: readonly HttpRoute[]): void;
}

export interface RunningInputsOptions {
  readonly host: InputHost;
  readonly routes: RouteTable;
  readonly log: Logger;
}

/** Inputs that were made for another configuration and do nothing yet. */
export interface InputPlan {
  readonly changed: readonly { readonly before: HostedInput; readonly after: HostedInput }[];
  readonly added: readonly HostedInput[];
  readonly removed: readonly HostedInput[];
  /** In the order of the configuration. */
  readonly order: readonly HostedInput[];
}

/** What came of taking a part of another configuration, in whole lines. */
export interface Applied {
  readonly changed: readonly string[];
  readonly faults: readonly string[];
}

/** An input that takes longer to stop is not waited for. */
const stopMs = 30_000;

/** The inputs that run, and how others take their places. */
export class RunningInputs {
  readonly #options: RunningInputsOptions;
  #inputs: readonly HostedInput[] = [];
  #gone: readonly InputStatus[] = [];

  constructor(options: RunningInputsOptions) {
    this.#options = options;
  }

  get all(): readonly HostedInput[] {
    return this.#inputs;
  }

  status(): InputStatus[] {
    return this.#inputs.flatMap((input) => input.status());
  }

  /** What inputs that were taken out had counted: a counter of their type must not go back. */
  gone(): readonly InputStatus[] {
    return this.#gone;
  }

  warnings(): string[] {
    return this.#inputs.flatMap(({ input }) => input.warnings?.() ?? []);
  }

  /** Before the listeners open. */
  async start(loaded: readonly PlannedInput[]): Promise<void> {
    const { host, routes } = this.#options;
    this.#inputs = loaded.map((one) => new HostedInput(one, host));
    for (const route of this.#inputs.flatMap((input) => input.routes.all)) {
      routes.add(route);
    }
    for (const { input } of this.#inputs) {
      await input.start();
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#inputs.map(({ input }) => input.stop()));
  }

  /** Makes what is new, and starts nothing. Throws BRIDGE_CONFIG when these inputs cannot run side by side. */
  plan(wanted: readonly PlannedInput[]): InputPlan {
    const { host, routes } = this.#options;
    const diff = diffOf<HostedInput, PlannedInput>(this.#inputs, wanted, {
      kindOf: ({ type }) => type,
      wantedOf: ({ loaded }) => loaded,
      settingsOf: ({ config, basis }: PlannedInput) => ({ config, basis }),
    });
    const ids = new Set([...diff.kept.values(), ...diff.changed.values()].map(({ id }) => id));
    const changed = new Map(
      [...diff.changed].map(([one, before]) => {
        const after = new HostedInput({ ...one, id: before.id }, host, before);
        return [one, { before, after }] as const;
      }),
    );
    const added = new Map(diff.added.map((one) => [one, new HostedInput(withFreeId(one, ids), host)] as const));
    const gone = [...diff.removed, ...diff.changed.values()];
    const come = [...[...changed.values()].map(({ after }) => after), ...added.values()];
    routes.checkExchange(routesOf(gone), routesOf(come));
    const order = wanted.flatMap((one) => diff.kept.get(one) ?? changed.get(one)?.after ?? added.get(one) ?? []);
    return { changed: [...changed.values()], added: [...added.values()], removed: diff.removed, order };
  }

  /** First what goes, then what changes, then what comes. What cannot start leaves the one before it in place. */
  async apply({ changed, added, removed, order }: InputPlan): Promise<Applied> {
    const applied: { changed: string[]; faults: string[] } = { changed: [], faults: [] };
    const instead = new Map<HostedInput, HostedInput | undefined>();
    for (const input of removed) {
      await this.#remove(input, applied.faults);
      this.#gone = input.status().reduce(counted, this.#gone);
      applied.changed.push(`${input.id} is taken out`);
    }
    for (const { before, after } of changed) {
      const runs = await this.#replace(before, after, applied.faults);
      instead.set(after, runs);
      applied.changed.push(...(runs === after ? [`${after.id} has new settings`] : []));
    }
    for (const input of added) {
      const runs = await this.#started(input, applied.faults);
      instead.set(input, runs ? input : undefined);
      if (runs) {
        await this.#options.routes.exchange([], input.routes.all);
        applied.changed.push(`${input.id} is new`);
      }
    }
    this.#inputs = order.flatMap((input) => (instead.has(input) ? (instead.get(input) ?? []) : input));
    return applied;
  }

  async #remove(input: HostedInput, faults: string[]): Promise<void> {
    await this.#options.routes.exchange(input.routes.all, []);
    await this.#ended(input, faults);
  }

  /** The one that runs then: the new one, or the one before it again. */
  async #replace(before: HostedInput, after: HostedInput, faults: string[]): Promise<HostedInput | undefined> {
    const letGo = before.routes.hold();
    let runs: HostedInput | undefined;
    try {
      await this.#ended(before, faults);
      runs = (await this.#started(after, faults)) ? after : await this.#again(before, faults);
      await this.#options.routes.exchange(before.routes.all, runs?.routes.all ?? []);
    } finally {
      letGo(runs?.routes);
    }
    return runs;
  }

  async #again(before: HostedInput, faults: string[]): Promise<HostedInput | undefined> {
    const again = new HostedInput(before.loaded, this.#options.host, before);
    return (await this.#started(again, faults)) ? again : undefined;
  }

  async #started({ id, input }: HostedInput, faults: string[]): Promise<boolean> {
    try {
      await input.start();
      return true;
    } catch (error) {
      faults.push(`${id} cannot start: ${messageOf(error)}`);
      await input.stop().catch(() => undefined);
      return false;
    }
  }

  /** Its data goes on from where it is; what it fed has ended for those who look. */
  async #ended({ id, input }: HostedInput, faults: string[]): Promise<void> {
    try {
      const ending = input.retire === undefined ? input.stop() : input.retire();
      if ((await withinMs(stopMs, ending)) === 'late') {
        faults.push(`${id} does not stop`);
      }
    } catch (error) {
      this.#options.log.warn({ input: id, error }, 'The series of an input that was taken out could not be ended.');
    }
  }
}

/** One row for each type and signal. */
function counted(rows: readonly InputStatus[], one: InputStatus): readonly InputStatus[] {
  const before = rows.find(({ type, signal }) => type === one.type && signal === one.signal);
  const { detail: _, ...counts } = one;
  const sum = before === undefined ? counts : added(before, counts);
  return [...rows.filter((row) => row !== before), sum];
}

function added(a: InputStatus, b: InputStatus): InputStatus {
  const received = a.received + b.received;
  const accepted = a.accepted + b.accepted;
  return { ...a, received, accepted, refused: sums(a.refused, b.refused), dropped: sums(a.dropped, b.dropped) };
}

type Counts = InputStatus['refused'];

function sums(a: Counts, b: Counts): Counts {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...keys].map((key) => [key, (a[key] ?? 0) + (b[key] ?? 0)]));
}

function routesOf(inputs: readonly HostedInput[]): HttpRoute[] {
  return inputs.flatMap(({ routes }) => routes.all);
}

/** Those that stay keep their numbers; one that comes gets the number of its place, or the first that is free. */
function withFreeId<T extends LoadedInput>(loaded: T, taken: Set<string>): T {
  let { id } = loaded;
  for (let i = 0; taken.has(id); i += 1) {
    id = `inputs.${loaded.type}[${i}]`;
  }
  taken.add(id);
  return { ...loaded, id };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
