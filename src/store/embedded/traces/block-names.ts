/** A local service with the names of its spans and of the services it talked to, each list without repeats. */
export interface ServiceNames {
  /** Empty where spans name no service. */
  readonly service: string;
  readonly spans: readonly string[];
  readonly remotes: readonly string[];
}

/** A name longer than this is not listed; `complete` is false then. */
const listedNameLength = 1024;
/** Refs of one block stay far below; two of them fit one double exactly. */
const refRange = 2 ** 26;

/** Notes which names met in one block. Works on refs, so that a repeated name costs one look-up. */
export class NameNotes {
  readonly #strings: readonly string[];
  readonly #seen = new Set<number>();
  readonly #byService = new Map<number, { spans: string[]; remotes: string[] }>();
  #complete = true;

  constructor(strings: readonly string[]) {
    this.#strings = strings;
  }

  /** Refs are one larger than the index into `strings`; 0 is absent. */
  note(serviceRef: number, nameRef: number, remoteServiceRef: number): void {
    const nameKey = (serviceRef * refRange + nameRef) * 2;
    if (!this.#seen.has(nameKey)) {
      this.#seen.add(nameKey);
      this.#list(serviceRef).spans.push(...this.#listed(nameRef));
    }
    const remoteKey = (serviceRef * refRange + remoteServiceRef) * 2 + 1;
    if (remoteServiceRef !== 0 && !this.#seen.has(remoteKey)) {
      this.#seen.add(remoteKey);
      this.#list(serviceRef).remotes.push(...this.#listed(remoteServiceRef));
    }
  }

  get(): { readonly services: readonly ServiceNames[]; readonly complete: boolean } {
    const services: ServiceNames[] = [];
    for (const [ref, names] of this.#byService) {
      const service = ref === 0 ? [''] : this.#listed(ref);
      services.push(...service.map((name) => ({ service: name, ...names })));
    }
    return { services, complete: this.#complete };
  }

  clear(): void {
    this.#seen.clear();
    this.#byService.clear();
    this.#complete = true;
  }

  #list(serviceRef: number): { spans: string[]; remotes: string[] } {
    const known = this.#byService.get(serviceRef);
    if (known !== undefined) {
      return known;
    }
    const list = { spans: [], remotes: [] };
    this.#byService.set(serviceRef, list);
    return list;
  }

  #listed(ref: number): string[] {
    const name = ref === 0 ? undefined : this.#strings[ref - 1];
    if (name === undefined) {
      return [];
    }
    if (name.length > listedNameLength) {
      this.#complete = false;
      return [];
    }
    return [name];
  }
}
