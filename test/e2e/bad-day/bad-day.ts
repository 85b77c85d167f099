import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from '@jest/globals';
import type { CursorStatus } from '../../../src/contract/status.ts';
import type { Signal } from '../../../src/model/batch.ts';
import { type Certificate, selfSignedCertificate } from '../../fakes/certificate.ts';
import { type Fault, FaultProxy } from '../../fakes/fault-proxy.ts';
import { until } from '../../fakes/until.ts';
import { type Daemon, startDaemon } from '../daemon.ts';
import { choicesOf } from '../zipkin/choices.ts';
import { type Found, type Item, itemsOf, post } from './load.ts';
import { deadLetters, queueInspect } from './queue-inspect.ts';

/** A backend and the output that sends to it. */
export interface Backend {
  /** Of the output. */
  readonly name: string;
  readonly signals: readonly Signal[];
  /** Where the server is. */
  readonly upstream: string;
  /** `[[outputs.TYPE]]` and the keys of this type, for a server at that URL. */
  toml(url: string): string;
  /** What the server says of each of these items, by id. */
  read(items: readonly Item[]): Promise<ReadonlyMap<string, Found>>;
  /** The same, of an item that came through. */
  expected(item: Item): unknown;
  /** Whether the server, or the protocol, makes one of what came twice. */
  readonly onTwice: 'one' | 'two';
  /** Kill -9. */
  kill?(): Promise<void>;
  /** On the same port and data. */
  restart?(): Promise<void>;
}

/** What happens to a backend. */
export interface Trouble {
  readonly name: string;
  /** What the output then says. */
  readonly says: RegExp;
  begin(sick: Sick): Promise<void>;
  end(sick: Sick): Promise<void>;
}

export interface Sick {
  readonly backend: Backend;
  readonly proxy: FaultProxy;
  readonly certificates: Certificates;
}

interface Certificates {
  readonly right: Certificate;
  readonly wrong: Certificate;
}

const gone = /ECONNREFUSED|ECONNRESET|other side closed|terminated|hang up/;
const timeoutMs = 3_000;
const retryAfterMs = 1_000;
const outageMs = Number(process.env['OUTAGE_SECONDS'] ?? '10') * 1000;

function faulty(name: string, fault: Fault, says: RegExp): Trouble {
  return {
    name,
    says,
    begin: ({ proxy }) => proxy.set(fault),
    end: ({ proxy }) => proxy.set({ kind: 'pass' }),
  };
}

function answering(status: number, headers: Readonly<Record<string, string>> = {}): Trouble {
  const fault = { kind: 'answer', status, headers, body: 'not today' } as const;
  return faulty(`answers ${status}`, fault, new RegExp(`HTTP ${status}: not today`));
}

export const troubles: readonly Trouble[] = [
  faulty('refuses connections', { kind: 'refuse' }, gone),
  faulty('resets connections in the middle of a request', { kind: 'cut request' }, gone),
  faulty('resets connections in the middle of its answer', { kind: 'cut answer' }, gone),
  answering(429, { 'retry-after': String(retryAfterMs / 1000) }),
  answering(500),
  answering(503),
  faulty('takes requests and does not answer in time', { kind: 'slow' }, /no answer within 3000 ms/),
  {
    ...faulty('hangs', { kind: 'hang' }, /no answer within 3000 ms/),
    // As after a restart: nobody waits for an answer of before.
    end: async ({ proxy }) => {
      await proxy.set({ kind: 'pass' });
      proxy.resetAll();
    },
  },
  {
    name: 'has a certificate that nobody trusts',
    says: /certificate/,
    begin: async ({ proxy, certificates }) => proxy.present(certificates.wrong),
    end: async ({ proxy, certificates }) => proxy.present(certificates.right),
  },
];

export const killed: Trouble = {
  name: `is killed and comes back after ${outageMs / 1000} s`,
  says: gone,
  begin: async ({ backend }) => await backend.kill?.(),
  end: async ({ backend }) => {
    await delay(outageMs);
    await backend.restart?.();
  },
};

export interface BadDayOptions {
  readonly dir: string;
  readonly seed: number;
  readonly backends: readonly Backend[];
  /** Inputs. */
  readonly toml?: string;
}

/** One daemon with an output to each backend, each through a proxy that can do harm. */
export class BadDay {
  readonly daemon: Daemon;
  readonly #dir: string;
  readonly #sides: readonly Sick[];
  readonly #posted: Item[] = [];

  private constructor(daemon: Daemon, dir: string, sides: readonly Sick[]) {
    this.daemon = daemon;
    this.#dir = dir;
    this.#sides = sides;
  }

  static async start({ dir, seed, backends, toml = '' }: BadDayOptions): Promise<BadDay> {
    const certificates = { right: selfSignedCertificate(), wrong: selfSignedCertificate() };
    const ca = join(dir, 'ca.pem');
    await writeFile(ca, certificates.right.cert);
    const { below } = choicesOf(seed);
    const sides: Sick[] = [];
    for (const backend of backends) {
      const { upstream } = backend;
      sides.push({
        backend,
        certificates,
        proxy: await FaultProxy.start({ upstream, below, certificate: certificates.right }),
      });
    }
    const outputs = sides.map(
      ({ backend, proxy }) =>
        `${backend.toml(proxy.url)}  name = "${backend.name}"\n  batch_wait = "10ms"\n  timeout = "${timeoutMs}ms"\n  signals = ${JSON.stringify(backend.signals)}\n  tls = { ca_file = "${ca}" }\n`,
    );
    try {
      const config = `[store]\n  enabled = false\n${toml}${outputs.join('')}`;
      return new BadDay(await startDaemon({ dir, config: { 'outputs.conf': config } }), dir, sides);
    } catch (error) {
      await Promise.all(sides.map(({ proxy }) => proxy.close()));
      throw error;
    }
  }

  /** Posts so many of each signal that somebody here takes. */
  async post(each: number): Promise<readonly Item[]> {
    const signals = new Set(this.#sides.flatMap(({ backend }) => backend.signals));
    const items = [...signals].flatMap((signal) => itemsOf(signal, each));
    await this.#post(items);
    return items;
  }

  /** While these backends are in trouble, all others go on; when it is over, they have everything too. */
  async suffer(trouble: Trouble, names: readonly string[]): Promise<void> {
    const sick = this.#sides.filter(({ backend }) => names.includes(backend.name));
    const well = this.#sides.filter((side) => !sick.includes(side));
    await this.#drained();
    const before = await Promise.all(sick.map((side) => this.#cursors(side)));
    await Promise.all(sick.map((side) => trouble.begin(side)));
    const early = await this.post(3);
    await this.#arrived(well, early, `${trouble.name}: the others go on`);
    await until(() => this.#allSay(sick, trouble.says, before), {
      what: `${names.join(', ')} ${trouble.name}, and it is said`,
    });
    const late = await this.post(3);
    await this.#arrived(well, late, `${trouble.name}: the others still go on`);
    const meanwhile = await Promise.all(sick.map((side) => this.#cursors(side)));
    expect(meanwhile.map(deliveredOf)).toEqual(before.map(deliveredOf));
    expect(meanwhile.flatMap((cursors) => cursors.map(({ queuedItems }) => queuedItems >= 6))).not.toContain(false);
    await Promise.all(sick.map((side) => trouble.end(side)));
    await this.#arrived(sick, [...early, ...late], `${names.join(', ')} had ${trouble.name}, and is back`);
    await this.check([...early, ...late]);
    for (const { proxy } of sick) {
      expect(proxy.impatient(retryAfterMs, 'bad-')).toEqual([]);
    }
  }

  /**
   * Of many items in one request some are refused for good by these backends, which then give up those alone. `poison`:
   * the proxies refuse them, not the servers themselves.
   */
  async refuse({ by, good, bad, says, poison = false }: Refusal): Promise<void> {
    const sides = this.#sides.filter(({ backend }) => by.includes(backend.name));
    const rejected = (): Promise<readonly number[]> =>
      Promise.all(sides.map(async (side) => rejectedOf(await this.#cursors(side))));
    const before = await rejected();
    await this.#setAll({ kind: 'answer', status: 503 });
    await this.#post([...good.slice(0, good.length / 2), ...bad, ...good.slice(good.length / 2)]);
    await this.#setAll(poison ? { kind: 'poison', texts: bad.map(({ id }) => id) } : { kind: 'pass' });
    await this.#drained();
    const wanted = sides.map(({ backend }, i) => (before[i] ?? 0) + ofBackend(backend, bad).length);
    expect(await rejected()).toEqual(wanted);
    for (const { backend } of sides) {
      const { signals, name } = backend;
      for (const signal of signals.filter((one) => bad.some((item) => item.signal === one))) {
        const kept = await deadLetters(join(this.#dir, 'data'), name, signal);
        const wantedItems = bad.filter((item) => item.signal === signal).length;
        const own = kept.slice(-wantedItems);
        expect([name, signal, own.length]).toEqual([name, signal, wantedItems]);
        expect(own.map(({ reason, items }) => [name, says.test(reason) ? 'as expected' : reason, items])).toEqual(
          own.map(() => [name, 'as expected', 1]),
        );
      }
      expect([name, await backend.read(ofBackend(backend, bad))]).toEqual([name, new Map()]);
    }
    await this.check(good);
  }

  /** What each backend has of these is what was sent, as often as it must be. */
  async check(items: readonly Item[]): Promise<void> {
    for (const { backend, proxy } of this.#sides) {
      const own = ofBackend(backend, items);
      const wanted = own.map((item) => {
        const copies = backend.onTwice === 'one' ? 1 : 1 + proxy.lostAnswers(item.id);
        return { id: item.id, copies, facts: backend.expected(item) };
      });
      const isThere = async (): Promise<boolean> => {
        const there = await backend.read(own);
        return wanted.every(({ id, copies }) => there.get(id)?.copies === copies);
      };
      // What follows says how it differs.
      await until(isThere, { what: `${backend.name} has what was sent` }).catch(() => undefined);
      const found = await backend.read(own);
      expect([backend.name, own.map(({ id }) => ({ id, ...found.get(id) }))]).toEqual([backend.name, wanted]);
      const twice = own.filter(({ id }) => proxy.copies(id) !== 1 + proxy.lostAnswers(id));
      expect([backend.name, twice.map(({ id }) => id)]).toEqual([backend.name, []]);
    }
  }

  /** Everything that was posted is delivered or given up, here and in what the queue says of itself once nothing runs. */
  async books(): Promise<void> {
    await this.#drained();
    const { lanes } = await this.daemon.status();
    for (const { signal, cumItems, outputs } of lanes) {
      const posted = this.#posted.filter((item) => item.signal === signal).length;
      expect([signal, cumItems]).toEqual([signal, posted]);
      for (const cursor of outputs) {
        expect([signal, cursor.output, sumOf(cursor)]).toEqual([signal, cursor.output, cumItems]);
      }
    }
    expect(await this.daemon.end()).toBe(0);
    const kept = await queueInspect(join(this.#dir, 'data'));
    expect(kept.map(({ signal, cumItems, outputs }) => [signal, cumItems, outputs.map(booksOf)])).toEqual(
      lanes.map(({ signal, cumItems, outputs }) => [signal, cumItems, outputs.map(booksOf)]),
    );
  }

  async end(): Promise<void> {
    await this.daemon.end('SIGKILL');
    await Promise.all(this.#sides.map(({ proxy }) => proxy.close()));
  }

  async #post(items: readonly Item[]): Promise<void> {
    await post(this.daemon, items);
    this.#posted.push(...items);
  }

  async #setAll(fault: Fault): Promise<void> {
    await Promise.all(this.#sides.map(({ proxy }) => proxy.set(fault)));
  }

  async #arrived(sides: readonly Sick[], items: readonly Item[], what: string): Promise<void> {
    const absent = (): readonly string[] =>
      sides.flatMap(({ backend, proxy }) =>
        items
          .filter(({ signal, id }) => backend.signals.includes(signal) && proxy.copies(id) === proxy.lostAnswers(id))
          .map(({ id }) => `${id} at ${backend.name}`),
      );
    await until(() => absent().length === 0, { what }).catch((cause: unknown) => {
      throw new Error(`${what}; absent: ${absent().join(', ')}\n${this.daemon.output().slice(-3_000)}`, { cause });
    });
  }

  async #drained(): Promise<void> {
    await until(
      async () => {
        const { lanes } = await this.daemon.status();
        return lanes.every(({ outputs }) => outputs.every(({ queuedItems }) => queuedItems === 0));
      },
      { what: 'nothing waits any more' },
    );
  }

  /** Each of them has failed since, and says so. */
  async #allSay(sick: readonly Sick[], says: RegExp, before: readonly (readonly CursorStatus[])[]): Promise<boolean> {
    const now = await Promise.all(sick.map((side) => this.#cursors(side)));
    return now.every((cursors, side) =>
      cursors.every(
        ({ lastError = '', retries }, i) => retries > (before[side]?.[i]?.retries ?? 0) && says.test(lastError),
      ),
    );
  }

  async #cursors({ backend }: Sick): Promise<readonly CursorStatus[]> {
    const { lanes } = await this.daemon.status();
    return lanes
      .filter(({ signal }) => backend.signals.includes(signal))
      .flatMap(({ outputs }) => outputs.filter(({ output }) => output === backend.name));
  }
}

export interface Refusal {
  /** Names of the backends that refuse. */
  readonly by: readonly string[];
  readonly good: readonly Item[];
  readonly bad: readonly Item[];
  /** The reason in the dead letters. */
  readonly says: RegExp;
  readonly poison?: boolean;
}

function ofBackend({ signals }: Backend, items: readonly Item[]): readonly Item[] {
  return items.filter(({ signal }) => signals.includes(signal));
}

function rejectedOf(cursors: readonly CursorStatus[]): number {
  return cursors.reduce((sum, { dropped }) => sum + (dropped['rejected'] ?? 0), 0);
}

function deliveredOf(cursors: readonly CursorStatus[]): readonly number[] {
  return cursors.map(({ delivered }) => delivered);
}

type Books = Pick<CursorStatus, 'output' | 'delivered' | 'dropped' | 'routedAway' | 'lost' | 'queuedItems'>;

function booksOf({ output, delivered, dropped, routedAway, lost, queuedItems }: Books): Books {
  return { output, delivered, dropped, routedAway, lost, queuedItems };
}

function sumOf({ delivered, dropped, routedAway, lost, queuedItems }: Books): number {
  return Object.values(dropped).reduce((sum, items) => sum + items, delivered + routedAway + lost + queuedItems);
}
