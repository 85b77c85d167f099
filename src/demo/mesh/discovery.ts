import { createHash } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../lib/clock.ts';
import { get } from './http-get.ts';
import type { Place } from './place.ts';
import type { ProxyFiles } from './proxy-plan.ts';

const takenWithinMs = 30_000;
const askEveryMs = 50;

/** Resources as protobuf's JSON has them, each with its `@type`. */
export type Resources = Readonly<Record<keyof ProxyFiles, readonly object[]>>;
type Kind = keyof ProxyFiles;

export type Outcome = { readonly taken: readonly Kind[] } | { readonly rejected: Kind; readonly reason: string };

/** A cluster is there before a route to it, as in Istio. */
const kinds: readonly Kind[] = ['runtime', 'clusters', 'routes'];

/** How Envoy counts what it makes of each file: `<prefix>.update_rejected`, and the version that is in use. */
const counterOf: Readonly<Record<Kind, RegExp>> = {
  runtime: /^runtime\.(update_rejected|version_text): "?([^"]*)"?$/,
  clusters: /^cluster_manager\.cds\.(update_rejected|version_text): "?([^"]*)"?$/,
  routes: /^http\..+\.rds\..+\.(update_rejected|version_text): "?([^"]*)"?$/,
};
const filter = encodeURIComponent('(^runtime|cds|rds\\..*)\\.(update_rejected|version_text)$');

interface Taken {
  readonly version: string;
  readonly rejected: number;
}

export interface DiscoveryPlan {
  /** Made where it is missing. */
  readonly folder: string;
  /** Where the Envoy answers questions about itself. */
  readonly admin: Place;
  /** What the Envoy last said of a file that it did not take. */
  readonly complaint: () => string | undefined;
}

/**
 * What one Envoy learns while it runs: files that it watches, each replaced as a whole (`path_config_source`).
 * The version of a file is the hash of its content, so the same content twice is no change.
 */
export class Discovery {
  readonly files: ProxyFiles;
  readonly #plan: DiscoveryPlan;
  readonly #versions = new Map<Kind, string>();
  /** What all Envoys have taken, and what they are being told. */
  #current: Resources | undefined;
  #pending: Resources | undefined;

  constructor(plan: DiscoveryPlan) {
    this.#plan = plan;
    const file = (kind: Kind) => join(plan.folder, `${kind}.json`);
    this.files = { clusters: file('clusters'), routes: file('routes'), runtime: file('runtime') };
  }

  /** Before the Envoy starts. */
  async prepare(resources: Resources): Promise<void> {
    await mkdir(this.#plan.folder, { recursive: true });
    for (const kind of kinds) {
      await this.#write(kind, resources[kind]);
    }
    this.#current = resources;
  }

  /** Resolves when the Envoy acts on what changed, or with its reason where it does not: then `restore` it. */
  async push(resources: Resources, signal: AbortSignal): Promise<Outcome> {
    const before = await this.#taken();
    const changed = kinds.filter((kind) => this.#versions.get(kind) !== versionOf(resources[kind]));
    for (const kind of changed) {
      await this.#write(kind, resources[kind]);
    }
    for (const kind of changed) {
      const reason = await this.#complaint(kind, before, signal);
      if (reason !== undefined) {
        return { rejected: kind, reason };
      }
    }
    this.#pending = resources;
    return { taken: changed };
  }

  /** What was pushed last is what `restore` goes back to. */
  settle(): void {
    this.#current = this.#pending ?? this.#current;
    this.#pending = undefined;
  }

  /** Puts back what was settled last; does not wait for the Envoy. */
  async restore(): Promise<void> {
    this.#pending = undefined;
    for (const kind of kinds) {
      const resources = this.#current?.[kind];
      if (resources !== undefined && this.#versions.get(kind) !== versionOf(resources)) {
        await this.#write(kind, resources);
      }
    }
  }

  async #write(kind: Kind, resources: readonly object[]): Promise<void> {
    const version = versionOf(resources);
    const file = this.files[kind];
    await writeFile(`${file}.new`, JSON.stringify({ version_info: version, resources }), { mode: 0o600 });
    // Envoy looks at a file when it is moved to its place, never at a half of it.
    await rename(`${file}.new`, file);
    this.#versions.set(kind, version);
  }

  /** Undefined once the Envoy acts on the file. */
  async #complaint(kind: Kind, before: ReadonlyMap<Kind, Taken>, signal: AbortSignal): Promise<string | undefined> {
    const wanted = this.#versions.get(kind);
    const rejectedBefore = before.get(kind)?.rejected ?? 0;
    for (const deadlineMs = systemClock.now() + takenWithinMs; systemClock.now() < deadlineMs; ) {
      const taken = (await this.#taken()).get(kind);
      if (taken?.version === wanted) {
        return undefined;
      }
      if (taken !== undefined && taken.rejected > rejectedBefore) {
        return this.#plan.complaint() ?? `its ${kind} were rejected`;
      }
      await systemClock.sleep(askEveryMs, signal);
    }
    return `its ${kind} were not taken within ${takenWithinMs / 1000} s`;
  }

  async #taken(): Promise<ReadonlyMap<Kind, Taken>> {
    const answer = await get({ ...this.#plan.admin, path: `/stats?filter=${filter}`, timeoutMs: 5000 });
    const lines = answer?.body.toString().split('\n') ?? [];
    return new Map(kinds.map((kind) => [kind, takenIn(lines, counterOf[kind])]));
  }
}

function takenIn(lines: readonly string[], counter: RegExp): Taken {
  const found = lines.flatMap((line) => {
    const [, name = '', value = ''] = counter.exec(line) ?? [];
    return name === '' ? [] : [[name, value] as const];
  });
  const { version_text: version = '', update_rejected: rejected = '0' } = Object.fromEntries(found);
  return { version, rejected: Number(rejected) };
}

function versionOf(resources: readonly object[]): string {
  return createHash('sha256').update(JSON.stringify(resources)).digest('hex').slice(0, 16);
}
