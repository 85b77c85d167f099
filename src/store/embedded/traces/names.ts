import type { ServiceNames } from './block-names.ts';
import type { Partition } from './partition.ts';

interface Known {
  readonly spans: Set<string>;
  readonly remotes: Set<string>;
}

/** Names over all partitions. Those of sealed ones are put together once, until one of them is unlinked. */
export class Names {
  #sealed: { readonly partitions: ReadonlySet<Partition>; readonly names: Map<string, Known> } = {
    partitions: new Set(),
    names: new Map(),
  };

  /** Local services, sorted. */
  services(partitions: readonly Partition[]): string[] {
    const names = new Set<string>();
    for (const book of this.#books(partitions)) {
      for (const name of book.keys()) {
        names.add(name);
      }
    }
    names.delete('');
    return [...names].sort();
  }

  spans(partitions: readonly Partition[], service: string): string[] {
    return this.#listOf(partitions, service, 'spans');
  }

  remotes(partitions: readonly Partition[], service: string): string[] {
    return this.#listOf(partitions, service, 'remotes');
  }

  #listOf(partitions: readonly Partition[], service: string, list: keyof Known): string[] {
    if (service === '') {
      return [];
    }
    const names = new Set<string>();
    for (const book of this.#books(partitions)) {
      for (const name of book.get(service)?.[list] ?? []) {
        names.add(name);
      }
    }
    return [...names].sort();
  }

  #books(partitions: readonly Partition[]): Map<string, Known>[] {
    const growing = new Map<string, Known>();
    for (const partition of partitions.filter(({ sealed }) => !sealed)) {
      take(growing, partition.names().services());
    }
    return [this.#sealedNames(partitions.filter(({ sealed }) => sealed)), growing];
  }

  #sealedNames(sealed: readonly Partition[]): Map<string, Known> {
    const now = new Set(sealed);
    const stale = [...this.#sealed.partitions].some((partition) => !now.has(partition));
    const before = stale ? { partitions: new Set<Partition>(), names: new Map<string, Known>() } : this.#sealed;
    for (const partition of sealed) {
      if (!before.partitions.has(partition)) {
        take(before.names, partition.names().services());
        partition.forget();
      }
    }
    this.#sealed = { partitions: now, names: before.names };
    return before.names;
  }
}

function take(into: Map<string, Known>, services: readonly ServiceNames[]): void {
  for (const { service, spans, remotes } of services) {
    const known = into.get(service) ?? { spans: new Set(), remotes: new Set() };
    into.set(service, known);
    for (const span of spans) {
      known.spans.add(span);
    }
    for (const remote of remotes) {
      known.remotes.add(remote);
    }
  }
}
