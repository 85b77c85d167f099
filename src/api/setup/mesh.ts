import { z } from 'zod';
import type { ListedTarget } from '../target-list.ts';
import type { SetupFacts } from './facts.ts';
import { type Light, light, named } from './light.ts';
import { istiodTable, keepHistograms } from './snippets.ts';

interface Sidecar {
  readonly namespace: string;
  readonly pod: string;
  readonly state: 'up' | 'waiting' | 'down' | 'skipped';
  readonly samples: number;
  /** Why not. */
  readonly why: string;
}

export function sidecarsLight({ list, store }: SetupFacts): Light {
  const id = 'sidecars';
  const all = sidecarsOf({ pods: list.pods, targets: [...list.targets, ...(store?.targets ?? [])] });
  const missing = all.filter(({ state }) => state === 'down' || state === 'skipped');
  const up = all.filter(({ state }) => state === 'up');
  const values = { up: up.length, all: all.length };
  const [first] = missing;
  if (all.length === 0) {
    return light({ id, state: 'unknown', text: 'sidecarsNone' });
  }
  if (first !== undefined) {
    const name = `${first.namespace}/${first.pod}`;
    return light({
      id,
      state: up.length === 0 ? 'red' : 'yellow',
      text: 'sidecarsSome',
      values: { ...values, names: named(missing.map(({ pod }) => pod)), why: `${name}: ${first.why}` },
      ...(list.watches.length > 0 && { snippet: `meshbridge explain --pod ${name}` }),
    });
  }
  return up.length < all.length
    ? light({ id, state: 'unknown', text: 'sidecarsWaiting', values })
    : light({
        id,
        state: 'green',
        text: 'sidecarsAll',
        values: { ...values, samples: all.reduce((sum, { samples }) => sum + samples, 0) },
      });
}

/** Pods that discovery knows to have a proxy, and configured pages that are those of a proxy. */
function sidecarsOf({ pods, targets }: Pick<SetupFacts['list'], 'pods' | 'targets'>): readonly Sidecar[] {
  const found = pods
    .filter(({ sidecar }) => sidecar === true)
    .map((pod): Sidecar => {
      const own = targets.filter((target) => pod.targets.includes(target.id));
      return { namespace: pod.namespace, pod: pod.pod, ...proxyState(own, pod.skipped) };
    });
  const known = new Set(found.map(({ namespace, pod }) => `${namespace}/${pod}`));
  const configured = targets.filter(
    (target) => isProxyPage(target) && !known.has(`${target.namespace ?? ''}/${target.pod ?? ''}`),
  );
  return [
    ...found,
    ...configured.map((target): Sidecar => {
      const { namespace = '', pod = target.url } = target;
      return { namespace, pod, ...proxyState([target], undefined) };
    }),
  ];
}

function proxyState(
  targets: readonly ListedTarget[],
  skipped: string | undefined,
): Pick<Sidecar, 'state' | 'samples' | 'why'> {
  const pages = targets.filter(isProxyPage);
  const up = pages.find(({ state }) => state === 'up');
  const down = pages.find(({ state }) => state === 'down');
  if (up !== undefined) {
    return { state: 'up', samples: up.samples ?? 0, why: '' };
  }
  if (down !== undefined) {
    return { state: 'down', samples: 0, why: down.error ?? 'its agent knows why' };
  }
  return pages.length > 0
    ? { state: 'waiting', samples: 0, why: '' }
    : { state: 'skipped', samples: 0, why: skipped ?? 'only other pages of it are scraped' };
}

/** The merged page of istio-agent, Envoy's own, or those of ztunnel. */
function isProxyPage({ url }: ListedTarget): boolean {
  return /:(?:15020|15090)(?:\/|$)/.test(url) || URL.parse(url)?.pathname === '/stats/prometheus';
}

export function istiodLight({ status, list, store }: SetupFacts): Light {
  const id = 'istiod';
  const own = list.targets.filter(isIstiod);
  const down = own.find(({ state }) => state === 'down');
  if (down !== undefined) {
    const values = { error: `${down.url}: ${down.error ?? ''}`, hint: down.hint ?? 'Look at istiod:' };
    const snippet = 'kubectl -n istio-system get pods -l app=istiod';
    return light({ id, state: 'red', text: 'istiodDown', values, ...(down.hint === undefined && { snippet }) });
  }
  const kept = store?.istiods;
  const twice = (kept ?? []).filter(({ series }) => series > 1);
  if (twice.length > 0) {
    const values = { names: named(twice.map(({ instance, series }) => `${instance} ${series} ×`)) };
    return light({ id, state: 'yellow', text: 'istiodTwice', values });
  }
  const up = own.filter(({ state }) => state === 'up');
  const names = kept?.length ? kept.map(({ instance }) => instance) : up.map(({ url }) => url);
  if (names.length > 0) {
    return light({ id, state: 'green', text: 'istiodOnce', values: { names: named(names) } });
  }
  const lease = leaseOf(status);
  if (lease?.holder !== undefined && lease.istiod) {
    return light({ id, state: 'green', text: 'istiodHolder', values: { lease: lease.name, holder: lease.holder } });
  }
  // A daemon with a mesh to look after should have it; one that merely tries things out need not.
  const looksAfter = list.watches.length > 0 || agentsCount(status) > 0;
  return store === undefined
    ? light({ id, state: 'unknown', text: 'istiodElsewhere', snippet: istiodTable })
    : light({ id, state: looksAfter ? 'yellow' : 'unknown', text: 'istiodNone', snippet: istiodTable });
}

const electedSchema = z.object({
  lease: z.object({ state: z.string(), namespace: z.string(), name: z.string(), holder: z.string().optional() }),
  configured: z.array(z.object({ url: z.string(), mode: z.string() })),
});

/** Of a daemon that takes part in an election: who holds it, and whether istiod is what it is about. */
function leaseOf({ inputs }: SetupFacts['status']) {
  const elected = inputs.map(({ detail }) => electedSchema.safeParse(detail).data).find((one) => one !== undefined);
  if (elected === undefined || !['holder', 'candidate'].includes(elected.lease.state)) {
    return undefined;
  }
  const { namespace, name, holder } = elected.lease;
  const istiod = elected.configured.some(({ url, mode }) => mode === 'holder' && isIstiodUrl(url));
  return { name: `${namespace}/${name}`, istiod, ...(holder !== undefined && { holder }) };
}

function agentsCount({ inputs }: SetupFacts['status']): number {
  return inputs.filter(({ type, received }) => type === 'hub' && received > 0).length;
}

function isIstiod({ url, labels }: ListedTarget): boolean {
  return labels['app'] === 'istiod' || isIstiodUrl(url);
}

function isIstiodUrl(url: string): boolean {
  return URL.parse(url)?.port === '15014' || /^https?:\/\/istiod[.:/-]/.test(url);
}

export function histogramsLight({ list, store }: SetupFacts): Light {
  const id = 'histograms';
  const missing = store?.withoutLatencies ?? [];
  const without = list.targets.filter(({ leftOut }) => leftOut.some((text) => text.startsWith('no histograms')));
  if (without.length === 0 && missing.length > 0) {
    const values = { count: missing.length, names: named(missing) };
    return light({ id, state: 'yellow', text: 'histogramsMissing', values, snippet: keepHistograms });
  }
  if (list.targets.length + (store?.targets ?? []).length === 0) {
    return light({ id, state: 'unknown', text: 'histogramsUnknown' });
  }
  return without.length === 0
    ? light({ id, state: 'green', text: 'histogramsKept' })
    : light({
        id,
        state: 'yellow',
        text: 'histogramsLeftOut',
        values: {
          count: without.length,
          all: list.targets.length,
          names: named(without.map(({ pod, url }) => pod ?? url)),
        },
        snippet: keepHistograms,
      });
}
