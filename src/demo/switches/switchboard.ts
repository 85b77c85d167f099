import type { DemoFile, DemoRefusal, DemoRequest, DemoView } from '../../contract/demo.ts';
import { type RulesFile, readRules } from '../rules/read-rules.ts';
import { noteText } from '../rules/rule-notes.ts';
import type { DemoMesh, DemoState } from '../state/demo-state.ts';
import { missingNames } from './missing-names.ts';
import type { Preset } from './preset.ts';
import { presetsOf } from './presets.ts';
import { applied, isSame, removed } from './rule-changes.ts';
import { usualState } from './usual-state.ts';

const mostPagesPerSecond = 100;

export interface SwitchboardPlan {
  readonly mesh: DemoMesh;
  /** Of Bookinfo. */
  readonly namespace: string;
  /** The services that there are: `reviews.default.svc.cluster.local`. */
  readonly hosts: readonly string[];
  /** What a view says beside the state. */
  readonly facts: Pick<DemoView, 'productpage' | 'kubeconfig'>;
  /** Told of each state that the mesh acts on, the first included. */
  readonly onState: (state: DemoState) => void;
}

type Change = (state: DemoState) => DemoState;

/** The state of the demo, and the one place that changes it. Changes go one by one. */
export class Switchboard {
  readonly #plan: SwitchboardPlan;
  readonly #presets: readonly Preset[];
  readonly #stop = new AbortController();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #state: DemoState;
  #last: Promise<unknown> = Promise.resolve();

  constructor(plan: SwitchboardPlan) {
    this.#plan = plan;
    this.#presets = presetsOf(plan.namespace);
    this.#state = usualState(plan.namespace);
  }

  /** Puts the usual state into force. Rejects where the mesh does not take it. */
  async start(): Promise<void> {
    await this.#change((state) => state);
  }

  stop(): void {
    this.#stop.abort();
    for (const timer of this.#timers.values()) {
      clearTimeout(timer);
    }
  }

  /** Never rejects: what cannot be done is said. */
  async ask(request: DemoRequest): Promise<DemoView | DemoRefusal> {
    try {
      return await this.#answer(request);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { refused: [`the mesh did not take it, and goes on as before: ${why}`] };
    }
  }

  async #answer(request: DemoRequest): Promise<DemoView | DemoRefusal> {
    switch (request.ask) {
      case 'view':
        return this.#view([]);
      case 'set':
        return this.#set(request.name, request.on);
      case 'load':
        return this.#setLoad(request.pagesPerSecond);
      default:
        return this.#rules(request.ask, request.files);
    }
  }

  async #set(name: string, on: boolean): Promise<DemoView | DemoRefusal> {
    const preset = this.#presets.find((one) => one.name === name);
    if (preset === undefined) {
      const names = this.#presets.map((one) => one.name).join(', ');
      return { refused: [`there is no switch "${name}"; there are ${names}`] };
    }
    const change = on ? preset.on : preset.off;
    if (typeof change === 'string') {
      return { refused: [`${name} cannot be switched off: ${change}`] };
    }
    await this.#change(change);
    this.#letEnd(preset, on);
    return this.#view([`${name} is ${on ? 'on' : 'off'}`]);
  }

  #letEnd(preset: Preset, on: boolean): void {
    clearTimeout(this.#timers.get(preset.name));
    const { off, forMs } = preset;
    if (on && forMs !== undefined && typeof off === 'function') {
      const end = () => void this.#change((state) => (preset.isOn(state) ? off(state) : state)).catch(() => {});
      this.#timers.set(preset.name, setTimeout(end, forMs));
    }
  }

  async #setLoad(pagesPerSecond: number): Promise<DemoView | DemoRefusal> {
    if (!(pagesPerSecond >= 0 && pagesPerSecond <= mostPagesPerSecond)) {
      return { refused: [`the load is from 0 to ${mostPagesPerSecond} pages a second`] };
    }
    await this.#change((state) => ({ ...state, pagesPerSecond }));
    return this.#view([`${pagesPerSecond} pages a second`]);
  }

  async #rules(ask: 'apply' | 'delete', files: readonly DemoFile[]): Promise<DemoView | DemoRefusal> {
    const read = files.map((file) => readRules(file, this.#plan.namespace));
    const faults = read.flatMap((one) => one.faults);
    if (faults.length > 0) {
      return { refused: faults.map(noteText) };
    }
    const rules = {
      virtualServices: read.flatMap((one) => one.virtualServices),
      destinationRules: read.flatMap((one) => one.destinationRules),
    };
    const before = this.#state;
    await this.#change((state) => (ask === 'apply' ? applied(state, rules) : removed(state, rules)));
    const done = read.flatMap((one) => describe(one, ask, before));
    const unused = read.flatMap((one) => one.unused.map(noteText));
    return this.#view([...done, ...unused, ...missingNames(this.#state, this.#plan.hosts)]);
  }

  #change(change: Change): Promise<void> {
    const done = this.#last.then(async () => {
      const next = change(this.#state);
      await this.#plan.mesh.apply(next, this.#stop.signal);
      this.#state = next;
      this.#plan.onState(next);
    });
    this.#last = done.catch(() => undefined);
    return done;
  }

  #view(notes: readonly string[]): DemoView {
    const { virtualServices, destinationRules, pagesPerSecond } = this.#state;
    return {
      ...this.#plan.facts,
      namespace: this.#plan.namespace,
      pagesPerSecond,
      switches: this.#presets.map((preset) => {
        const { name, group, summary } = preset;
        return { name, group, summary, isOn: preset.isOn(this.#state) };
      }),
      rules: [
        ...virtualServices.map(({ name, namespace }) => `VirtualService ${namespace}/${name}`),
        ...destinationRules.map(({ name, namespace }) => `DestinationRule ${namespace}/${name}`),
      ],
      notes,
    };
  }
}

/** In the words of kubectl. */
function describe(file: RulesFile, ask: 'apply' | 'delete', before: DemoState): string[] {
  const kinds = [
    ['VirtualService', file.virtualServices, before.virtualServices],
    ['DestinationRule', file.destinationRules, before.destinationRules],
  ] as const;
  return kinds.flatMap(([kind, rules, known]) =>
    rules.map((rule) => {
      const wasThere = known.some((one) => isSame(one, rule));
      const applies = wasThere ? 'configured' : 'created';
      const deletes = wasThere ? 'deleted' : 'was not there';
      return `${kind} ${rule.namespace}/${rule.name} ${ask === 'apply' ? applies : deletes}`;
    }),
  );
}
