import { spanFlags } from '../block-layout.ts';
import type { BlockView } from '../block-view.ts';
import { Durations } from './durations.ts';
import { minuteOf } from './minute.ts';
import type { OperationEntry, OperationKind, WorkloadEntry } from './minute-row.ts';
import type { ProxyNode, SpanFacts } from './span-facts.ts';

/** So many operations of one minute are told apart; the others of a service count as one. */
const mostOperations = 2000;
export const otherOperations = '(other)';

/** Refs of one block stay far below: three of them and a kind fit one double exactly. */
const range = 2 ** 16;

interface Place {
  readonly view: BlockView;
  readonly facts: SpanFacts;
  readonly index: number;
  readonly minute: number;
}

interface Counted {
  readonly operation: OperationEntry;
  readonly workload: WorkloadEntry | undefined;
}

/** Counts spans by operation and by workload. Spans are given in order of arrival, so that the outcome hangs on them alone. */
export class SpanCounts {
  readonly #arrivalMinute: number;
  readonly #operations = new Map<string, OperationEntry>();
  readonly #workloads = new Map<string, WorkloadEntry>();

  constructor(arrivalMinute: number) {
    this.#arrivalMinute = arrivalMinute;
  }

  add(view: BlockView, facts: SpanFacts): void {
    const inView = new Map<number, Counted>();
    for (let index = 0; index < view.spans; index++) {
      const at = view.timestamp[index] ?? Number.NaN;
      const minute = Number.isNaN(at) ? this.#arrivalMinute : minuteOf(at);
      const counted = this.#counted(inView, { view, facts, index, minute });
      counted.operation.calls++;
      counted.operation.durations.add(view.duration[index] ?? Number.NaN);
      if (counted.workload !== undefined) {
        count(counted.workload, counted.operation.kind, view.parentId(index) === undefined && !view.shared(index));
      }
    }
  }

  /** Spans of one block have few different names: what is equal in all that counts is looked up once. */
  #counted(inView: Map<number, Counted>, { view, facts, index, minute }: Place): Counted {
    const failed = facts.failed(index);
    const nodePair = facts.nodePair(index);
    const kindAndError = ((view.flags[index] ?? 0) & spanFlags.kindMask) * 2 + (failed ? 1 : 0);
    const key =
      (((view.local[index] ?? 0) * range + (view.name[index] ?? 0)) * range + nodePair + 1) * 16 + kindAndError;
    const known = nodePair + 1 < range && (view.name[index] ?? 0) < range ? inView.get(key) : undefined;
    if (known !== undefined && known.operation.minute === minute) {
      return known;
    }
    const kind = view.kind(index) ?? 'INTERNAL';
    const service = view.serviceName(index) ?? '';
    const name = view.optionalString(view.name[index]) ?? '';
    const isCall = kind === 'SERVER' || kind === 'CLIENT';
    const counted = {
      operation: this.#operation(minute, { service, name, kind, failed }),
      workload: isCall ? this.#workload(minute, service, facts.nodeOf(nodePair)) : undefined,
    };
    inView.set(key, counted);
    return counted;
  }

  operations(): OperationEntry[] {
    return sorted(this.#operations);
  }

  workloads(): WorkloadEntry[] {
    return sorted(this.#workloads);
  }

  #operation(
    minute: number,
    named: { readonly service: string; readonly name: string; readonly kind: OperationKind; readonly failed: boolean },
  ): OperationEntry {
    const { service, name, kind, failed } = named;
    const key = `${minute} ${kind} ${failed} ${service.length} ${service} ${name}`;
    const known = this.#operations.get(key);
    if (known !== undefined) {
      return known;
    }
    if (this.#operations.size >= mostOperations && name !== otherOperations) {
      return this.#operation(minute, { ...named, name: otherOperations });
    }
    const entry = { minute, ...named, calls: 0, durations: new Durations() };
    this.#operations.set(key, entry);
    return entry;
  }

  #workload(minute: number, service: string, { workload, namespace, proxy }: ProxyNode): WorkloadEntry {
    const key = `${minute} ${proxy} ${namespace} ${workload} ${service}`;
    const known = this.#workloads.get(key);
    if (known !== undefined) {
      return known;
    }
    const none = { servers: 0, serverRoots: 0, clients: 0, clientRoots: 0 };
    const entry = { minute, service, workload, namespace, proxy, ...none };
    this.#workloads.set(key, entry);
    return entry;
  }
}

function count(workload: WorkloadEntry, kind: OperationKind, isRoot: boolean): void {
  if (kind === 'SERVER') {
    workload.servers++;
    workload.serverRoots += isRoot ? 1 : 0;
  } else {
    workload.clients++;
    workload.clientRoots += isRoot ? 1 : 0;
  }
}

function sorted<T>(entries: ReadonlyMap<string, T>): T[] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
}
