import type { ServiceNames } from './block-names.ts';

interface NamesOfService {
  readonly spans: Set<number>;
  readonly remotes: Set<number>;
}

/** A name book as it stands in an index file: names by id, then per service id its span and remote name ids. */
export interface WrittenNames {
  readonly names: readonly string[];
  readonly services: readonly (readonly [number, readonly number[], readonly number[]])[];
}

/** Every name of a partition once, and which span and remote names each service has. */
export class NameBook {
  readonly #names: string[] = [];
  readonly #ids = new Map<string, number>();
  readonly #services = new Map<number, NamesOfService>();

  static read(written: WrittenNames): NameBook {
    const book = new NameBook();
    for (const name of written.names) {
      book.#id(name);
    }
    for (const [service, spans, remotes] of written.services) {
      book.#services.set(service, { spans: new Set(spans), remotes: new Set(remotes) });
    }
    return book;
  }

  write(): WrittenNames {
    return {
      names: this.#names,
      services: [...this.#services].map(([id, { spans, remotes }]) => [id, [...spans], [...remotes]] as const),
    };
  }

  /** Takes the names of one block in; their ids without repeats. */
  note(services: readonly ServiceNames[]): { services: number[]; spans: number[]; remotes: number[] } {
    const spans = new Set<number>();
    const remotes = new Set<number>();
    const ids = services.map((names) => {
      const id = this.#id(names.service);
      const known = this.#namesOf(id);
      collect(
        names.spans.map((name) => this.#id(name)),
        known.spans,
        spans,
      );
      collect(
        names.remotes.map((name) => this.#id(name)),
        known.remotes,
        remotes,
      );
      return id;
    });
    return { services: ids, spans: [...spans], remotes: [...remotes] };
  }

  /** The id of a name; undefined where the partition does not have it. */
  find(name: string): number | undefined {
    return this.#ids.get(name);
  }

  services(): ServiceNames[] {
    return [...this.#services].map(([id, { spans, remotes }]) => ({
      service: this.#name(id),
      spans: [...spans].map((span) => this.#name(span)),
      remotes: [...remotes].map((remote) => this.#name(remote)),
    }));
  }

  #name(id: number): string {
    return this.#names[id] ?? '';
  }

  #id(name: string): number {
    const known = this.#ids.get(name);
    if (known !== undefined) {
      return known;
    }
    const id = this.#names.push(name) - 1;
    this.#ids.set(name, id);
    return id;
  }

  #namesOf(service: number): NamesOfService {
    const known = this.#services.get(service);
    if (known !== undefined) {
      return known;
    }
    const names = { spans: new Set<number>(), remotes: new Set<number>() };
    this.#services.set(service, names);
    return names;
  }
}

function collect(ids: readonly number[], ...into: readonly Set<number>[]): void {
  for (const id of ids) {
    for (const set of into) {
      set.add(id);
    }
  }
}
