import type { BlockView } from '../block-view.ts';
import { Durations } from './durations.ts';
import { minuteOf } from './minute.ts';
import type { OperationEntry, OperationKind, WorkloadEntry } from './minute-row.ts';
import type { ProxyNode, SpanFacts } from './span-facts.ts';

/** So many operations of one minute are told apart; the others of a service count as one. */
const mostOperations = 2000;
export const otherOperations = '(other)';

/** Counts spans by operation and by workload. Spans are given in order of arrival, so that the outcome hangs on them alone. */
export class SpanCounts {
  readonly #arrivalMinute: number;
  readonly #operations = new Map<string, OperationEntry>();
  readonly #workloads = new Map<string, WorkloadEntry>();

  constructor(arrivalMinute: number) {
    this.#arrivalMinute = arrivalMinute;
  }

  add(view: BlockView, facts: SpanFacts): void {
    for (let index = 0; index < view.spans; index++) {
      const at = view.timestamp[index] ?? Number.NaN;
      const minute = Number.isNaN(at) ? this.#arrivalMinute : minuteOf(at);
      const kind = view.kind(index) ?? 'INTERNAL';
      const service = view.serviceName(index) ?? '';
      const operation = this.#operation(minute, {
        service,
        name: view.optionalString(view.name[index]) ?? '',
        kind,
        failed: facts.failed(index),
      });
      operation.calls++;
      operation.durations.add(view.duration[index] ?? Number.NaN);
      if (kind === 'SERVER' || kind === 'CLIENT') {
        const workload = this.#workload(minute, service, facts.node(index));
        count(workload, kind, view.parentId(index) === undefined && !view.shared(index));
      }
    }
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
    const key = JSON.stringify([minute, named.service, named.name, named.kind, named.failed]);
    const known = this.#operations.get(key);
    if (known !== undefined) {
      return known;
    }
    if (this.#operations.size >= mostOperations && named.name !== otherOperations) {
      return this.#operation(minute, { ...named, name: otherOperations });
    }
    const entry = { minute, ...named, calls: 0, durations: new Durations() };
    this.#operations.set(key, entry);
    return entry;
  }

  #workload(minute: number, service: string, { workload, namespace, proxy }: ProxyNode): WorkloadEntry {
    const key = JSON.stringify([minute, service, workload, namespace, proxy]);
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

function count(workload: WorkloadEntry, kind: 'SERVER' | 'CLIENT', isRoot: boolean): void {
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
