import type { WrittenPage } from '../../cli/test-file.ts';
import { formatFault, type LoadedConfig, type LoadedInput } from '../../config/load.ts';
import type { InputRuntime } from '../../contract/input.ts';
import { planOf } from '../../inputs/kubernetes/pod-plan.ts';
import { podRules } from '../../inputs/kubernetesprometheus/pod-rules.ts';
import type { PromConfig } from '../../scrape/config.ts';
import { nameFilter } from '../../scrape/name-filter.ts';
import { PageBuffers } from '../../scrape/page-buffers.ts';
import { Target, type TargetPod } from '../../scrape/target.ts';
import { isKubernetesPrometheus } from '../own-node.ts';
import { podOf } from './written-pod.ts';

interface Choice {
  readonly found: readonly Found[];
  /** Why there is none: whole lines. */
  readonly nothing?: readonly string[];
  /** What is wrong with annotations: whole lines. */
  readonly faults?: readonly string[];
}

interface Found {
  readonly id: string;
  readonly url: string;
  readonly config: PromConfig;
  readonly pod?: TargetPod;
}

/** Pages that are scraped without anybody being asked for them: their text is at hand. */
export class WrittenPages {
  readonly #config: LoadedConfig;
  readonly #runtimeOf: (id: string) => InputRuntime;

  constructor(config: LoadedConfig, runtimeOf: (id: string) => InputRuntime) {
    this.#config = config;
    this.#runtimeOf = runtimeOf;
  }

  /** One scrape, by all that would scrape that page. Resolves with what is wrong: whole lines. */
  async scrape(page: WrittenPage): Promise<readonly string[]> {
    const { found, faults = [], nothing = [] } = page.pod === undefined ? this.#configured(page) : this.#ofPod(page);
    if (!page.collected) {
      return found.map(({ id, url }) => `the page ${url} is scraped by ${id}`);
    }
    const failed = await Promise.all(found.map((one) => this.#scrapeOnce(one, page)));
    return [...faults, ...nothing, ...failed.flat()];
  }

  #configured({ url }: WrittenPage): Choice {
    const all = this.#config.inputs.filter(isProm).flatMap(({ id, config }): readonly Found[] => {
      const urls = config.urls.length > 0 ? config.urls : config.url === undefined ? [] : [config.url];
      return [...new Set(urls)].map((one) => ({ id, url: one, config }));
    });
    return chosen(all, url, 'no [[inputs.prom]] has a page');
  }

  #ofPod({ url, pod: written }: WrittenPage): Choice {
    const { kubernetes, inputs } = this.#config;
    if (written === undefined || kubernetes.discovery === 'off') {
      return { found: [], nothing: ['pods are not looked for: [kubernetes] discovery is "off"'] };
    }
    const pod = podOf(written);
    const named = inputs.filter(isKubernetesPrometheus);
    const rules = named.flatMap(({ config }) => podRules(config, kubernetes.node_ip));
    const { targets, explanation, faults } = planOf(pod, { istio: kubernetes.istio, rules });
    const all = targets.map((target): Found => ({ id: 'kubernetes', ...target }));
    const name = `${pod.namespace}/${pod.name}`;
    const nothing = `nothing is scraped of the pod ${name}: ${explanation.skipped ?? ''}`;
    return { ...chosen(all, url?.replaceAll('$IP', hostOf(written.ip)), nothing), faults: faults.map(formatFault) };
  }

  async #scrapeOnce(
    { id, url, config, pod }: Found,
    { text, format: dialect }: WrittenPage,
  ): Promise<readonly string[]> {
    const runtime = this.#runtimeOf(id);
    const done = new AbortController();
    let waits = 0;
    // It is due at once, and then never again, also where the scrape was lost.
    const sleep = (): Promise<void> => {
      waits += 1;
      if (waits > 1) {
        done.abort();
      }
      return Promise.resolve();
    };
    const target: Target = new Target({
      ...{ url, config, buffers: new PageBuffers(), wantedName: nameFilter(config) },
      ...(pod && { pod }),
      runtime: { ...runtime, clock: { ...runtime.clock, sleep } },
      fetcher: {
        fetch: async (use) => use({ ok: true, body: Buffer.from(text), dialect }),
        close: () => Promise.resolve(),
      },
      onChange: () => done.abort(),
    });
    await target.run(done.signal);
    const { state, error } = target.status();
    return state === 'up' ? [] : [`the page ${url} can not be read: ${error ?? 'its scrape was lost'}`];
  }
}

function chosen(all: readonly Found[], url: string | undefined, nothing: string): Choice {
  const urls = [...new Set(all.map((one) => one.url))];
  const wanted = url ?? (urls.length === 1 ? urls[0] : undefined);
  const found = all.filter((one) => one.url === wanted);
  if (found.length > 0) {
    return { found };
  }
  const known = urls.length === 0 ? '' : `; there ${urls.length === 1 ? 'is' : 'are'} ${urls.join(', ')}`;
  if (urls.length > 1 && url === undefined) {
    return { found, nothing: [`several pages are scraped, and "url" says which one is meant${known}`] };
  }
  return { found, nothing: [urls.length === 0 ? nothing : `nothing scrapes the page ${url}${known}`] };
}

function hostOf(ip: string): string {
  return ip.includes(':') ? `[${ip}]` : ip;
}

function isProm(input: LoadedInput): input is LoadedInput & { readonly config: PromConfig } {
  return input.type === 'prom';
}
