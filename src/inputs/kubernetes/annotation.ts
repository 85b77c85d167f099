import { componentTables } from '../../config/component-tables.ts';
import type { Fault, PathStep } from '../../config/fault.ts';
import { checkValue, type Finding } from '../../config/schema-check.ts';
import { isFault, parseToml, type TomlDocument, type TomlSource } from '../../config/toml-document.ts';
import { hasCode } from '../../contract/errors.ts';
import type { Pod } from '../../kube/kube.ts';
import { annotationConfig, isPath, type PromConfig } from '../../scrape/config.ts';
import { labelFilter, nameFilter } from '../../scrape/name-filter.ts';

/** One page that an annotation names. */
export interface AnnotatedPage {
  readonly url: string;
  /** As it stands in the annotation, with `$IP` and its like. */
  readonly written: string;
  readonly config: PromConfig;
}

export interface ReadAnnotation {
  readonly pages: readonly AnnotatedPage[];
  /** What is not collected because of them. */
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
}

const leastIntervalMs = 5_000;
const usualIntervalMs = 30_000;

/** Paths on the agent's disk: a tenant could read the agent's token with them. */
const fileKeys: ReadonlySet<string> = new Set(
  ['uds_path', 'ca_certs', 'cert', 'cert_key', 'tls_ca', 'tls_cert', 'tls_key', 'output'].concat([
    'bearer_token_file',
    'token_file',
    'password_file',
  ]),
);

/**
 * A `prom.instances` annotation of a pod: TOML with one or more `[[inputs.prom]]`. `$IP`, `$NAMESPACE`, `$PODNAME` and
 * `$NODENAME` are put in after parsing, so that no name can add keys. It is a tenant's input: it sees nothing of the agent's
 * environment, names no files, and points at its own pod alone.
 */
export function readAnnotation(source: TomlSource, pod: Pod): ReadAnnotation {
  const document = parseToml(source);
  if (isFault(document)) {
    return { pages: [], faults: [document], warnings: [] };
  }
  const faults: Fault[] = [];
  const reading = new AnnotationReading(document, pod, faults);
  reading.strangers();
  const tables = componentTables([document], 'inputs', faults);
  for (const { type, path, value } of tables) {
    if (type === 'prom') {
      reading.table(path, value);
    } else {
      reading.stranger(path, 'remove the table');
    }
  }
  if (!tables.some(({ type }) => type === 'prom') && faults.length === 0) {
    const message = 'has no [[inputs.prom]]';
    faults.push({ code: 'missing-key', ...document.placeOf([]), message, hint: 'write one, with its url' });
  }
  return reading;
}

class AnnotationReading implements ReadAnnotation {
  readonly pages: AnnotatedPage[] = [];
  readonly warnings: Fault[] = [];
  readonly faults: Fault[];
  readonly #document: TomlDocument;
  readonly #pod: Pod;

  constructor(document: TomlDocument, pod: Pod, faults: Fault[]) {
    this.#document = document;
    this.#pod = pod;
    this.faults = faults;
  }

  strangers(): void {
    for (const key of Object.keys(this.#document.value).filter((name) => name !== 'inputs')) {
      this.stranger([key], 'remove it');
    }
  }

  stranger(path: readonly PathStep[], hint: string): void {
    const message = 'only [[inputs.prom]] is read from an annotation';
    this.#report(this.warnings, path, [{ code: 'no-effect', path: [], message, hint }]);
  }

  table(path: readonly PathStep[], value: Readonly<Record<string, unknown>>): void {
    const named = filesIn(value, []);
    if (named.length > 0) {
      this.#report(this.faults, path, named);
      return;
    }
    this.#report(this.warnings, path, references(value, []));
    const { value: config, faults, unknownKeys } = checkValue(annotationConfig, filled(value, this.#pod, ''), value);
    this.#report(this.faults, path, faults);
    this.#report(this.warnings, path, unknownKeys);
    if (config === undefined || !this.#expressions(config, path)) {
      return;
    }
    const { url, urls } = config;
    const shown = writtenUrls(value);
    const all = [...urls, ...(url === undefined ? [] : [url])];
    for (const [index, address] of all.entries()) {
      const key = index < urls.length ? ['urls', index] : ['url'];
      const reason = this.#refusal(address);
      if (reason === undefined) {
        this.pages.push({
          url: address,
          written: shown[index] ?? address,
          config: this.#settled({ ...config, url: address, urls: [] }, path),
        });
      } else {
        this.#report(this.faults, path, [{ code: 'value', path: key, ...reason }]);
      }
    }
  }

  #expressions(config: PromConfig, path: readonly PathStep[]): boolean {
    try {
      nameFilter(config);
      labelFilter(config);
      return true;
    } catch (error) {
      if (!hasCode(error, 'BRIDGE_CONFIG')) {
        throw error;
      }
      this.#report(this.faults, path, [{ code: 'value', path: [], message: error.message }]);
      return false;
    }
  }

  /** Why this page is not for this pod to name. */
  #refusal(address: string): { readonly message: string; readonly hint: string } | undefined {
    if (isPath(address)) {
      return { message: 'is a file of the agent', hint: 'annotations name pages of their own pod alone' };
    }
    const host = new URL(address).hostname;
    return hostsOf(this.#pod).has(host)
      ? undefined
      : { message: `points at ${host}, which is not an address of this pod`, hint: 'write $IP as its host' };
  }

  #settled(config: PromConfig, path: readonly PathStep[]): PromConfig {
    const source = config.source === '' ? `${this.#pod.namespace}/${this.#pod.name}` : config.source;
    const wanted = config.interval <= 0 ? usualIntervalMs : config.interval;
    const interval = Math.max(wanted, leastIntervalMs);
    if (interval !== wanted) {
      const message = `is shorter than annotations may ask for; it is scraped every ${leastIntervalMs / 1000}s`;
      const found: Finding = { code: 'no-effect', path: ['interval'], message };
      this.#report(this.warnings, path, [found]);
    }
    return { ...config, source, interval };
  }

  #report(into: Fault[], table: readonly PathStep[], findings: readonly Finding[]): void {
    into.push(...findings.map(({ path, ...rest }) => ({ ...this.#document.placeOf([...table, ...path]), ...rest })));
  }
}

/** Addresses of the pod as URLs write them. */
export function hostsOf(pod: Pod): ReadonlySet<string> {
  return new Set(pod.ips.map((ip) => new URL(`http://${hostOf(ip)}`).hostname));
}

export function hostOf(ip: string): string {
  return ip.includes(':') ? `[${ip}]` : ip;
}

function writtenUrls({ url, urls }: Readonly<Record<string, unknown>>): readonly string[] {
  const list: readonly unknown[] = Array.isArray(urls) ? urls : [];
  return [...list, url].filter((one) => typeof one === 'string');
}

function filesIn(value: unknown, path: readonly PathStep[]): readonly Finding[] {
  if (typeof value !== 'object' || value === null || value instanceof Date) {
    return [];
  }
  return Object.entries(value).flatMap(([key, entry]) => {
    const here = [...path, Array.isArray(value) ? Number(key) : key];
    const empty = entry === '' || (Array.isArray(entry) && entry.length === 0);
    // Headers, tags and the like may have any name.
    const isSetting = path.length === 0 || path[0] === 'auth';
    const message = isSetting && !empty ? refusalOf(key) : undefined;
    return message === undefined ? filesIn(entry, here) : [{ code: 'value' as const, path: here, message }];
  });
}

function refusalOf(key: string): string | undefined {
  if (key === 'proxy_url') {
    return 'names a proxy, which annotations may not: their pages are of their own pod';
  }
  return fileKeys.has(key) ? 'names a file of the agent, which annotations may not' : undefined;
}

/** What looks as if the agent's environment or files were meant. */
function references(value: unknown, path: readonly PathStep[]): readonly Finding[] {
  if (typeof value === 'string') {
    const message = /\$\{\w+(?::-[^}]*)?\}/.test(value)
      ? 'annotations see nothing of the environment'
      : value.startsWith('file:') && !value.startsWith('file:///')
        ? 'annotations read no files'
        : undefined;
    return message === undefined ? [] : [{ code: 'no-effect', path, message, hint: 'write the value itself' }];
  }
  return typeof value !== 'object' || value === null
    ? []
    : Object.entries(value).flatMap(([key, entry]) =>
        references(entry, [...path, Array.isArray(value) ? Number(key) : key]),
      );
}

/** With the pod's own values in place of `$IP` and its like. An IPv6 address in a URL gets its brackets. */
function filled(value: unknown, pod: Pod, key: string): unknown {
  if (typeof value === 'string') {
    const ip = pod.ips[0] ?? '';
    const inUrl = key === 'url' || key === 'urls';
    const values: Readonly<Record<string, string>> = {
      $IP: inUrl ? hostOf(ip) : ip,
      $NAMESPACE: pod.namespace,
      $PODNAME: pod.name,
      $NODENAME: pod.node,
    };
    return value.replace(/\[\$IP\]|\$(?:IP|NAMESPACE|PODNAME|NODENAME)/g, (name) =>
      name === '[$IP]' ? hostOf(ip) : (values[name] ?? name),
    );
  }
  if (Array.isArray(value)) {
    return value.map((entry) => filled(entry, pod, key));
  }
  return typeof value === 'object' && value !== null && !(value instanceof Date)
    ? Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, filled(entry, pod, name)]))
    : value;
}
