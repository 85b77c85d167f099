import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import type { Fault } from '../config/fault.ts';
import type { TomlSource } from '../config/toml-document.ts';
import { explainYaml } from '../lib/yaml-syntax.ts';

/** What a file of Kubernetes objects holds that concerns us. */
export interface Manifest {
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
  /** `*.conf` entries of each ConfigMap: one configuration each. */
  readonly configurations: readonly (readonly TomlSource[])[];
}

/** Reads every document of a YAML file, also behind one that is wrong. Never throws. */
export function readManifest(file: string, text: string): Manifest {
  const reading = new ManifestReading(file, text);
  reading.documents();
  return reading;
}

/** API versions for the kinds that people have in the files around a mesh, for the hint. */
const usualVersions: Readonly<Record<string, string>> = {
  ConfigMap: 'v1',
  Service: 'v1',
  Pod: 'v1',
  Namespace: 'v1',
  Secret: 'v1',
  ServiceAccount: 'v1',
  Deployment: 'apps/v1',
  DaemonSet: 'apps/v1',
  StatefulSet: 'apps/v1',
  Job: 'batch/v1',
  CronJob: 'batch/v1',
  Gateway: 'networking.istio.io/v1',
  VirtualService: 'networking.istio.io/v1',
  DestinationRule: 'networking.istio.io/v1',
  ServiceEntry: 'networking.istio.io/v1',
  Telemetry: 'telemetry.istio.io/v1',
};

class ManifestReading implements Manifest {
  readonly faults: Fault[] = [];
  readonly warnings: Fault[] = [];
  readonly configurations: TomlSource[][] = [];
  readonly #file: string;
  readonly #text: string;
  readonly #lines: readonly string[];
  readonly #counter = new LineCounter();

  constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
    this.#lines = text.split('\n');
  }

  documents(): void {
    const options = { lineCounter: this.#counter, prettyErrors: false, strict: true };
    const documents = parseAllDocuments(this.#text, options);
    for (const [index, document] of (Array.isArray(documents) ? documents : []).entries()) {
      this.#errors(document);
      if (document.errors.length === 0 && document.contents !== null) {
        this.#object(document.contents, index);
      }
    }
  }

  #lineOf(offset: number): number {
    return this.#counter.linePos(offset).line;
  }

  #errors(document: Document.Parsed): void {
    const first = document.errors[0];
    if (first !== undefined) {
      const line = this.#lineOf(first.pos[0]);
      const advice = explainYaml(first.code, this.#lines[line - 1] ?? '');
      this.faults.push({ code: 'syntax', file: this.#file, line, keyPath: '', ...advice });
    }
  }

  #object(node: Node, index: number): void {
    const line = this.#lineOf(node.range?.[0] ?? 0);
    if (!isMap(node)) {
      if (!isScalar(node) || node.value !== null) {
        const message = 'is not a Kubernetes object';
        this.faults.push({ code: 'type', file: this.#file, line, keyPath: `document ${index + 1}`, message });
      }
      return;
    }
    if (node.has('scrape_configs')) {
      this.#prometheus(line, '');
      return;
    }
    const name = this.#nameOf(node, index);
    this.#mustHave(node, name, line);
    const items = node.get('items');
    if (isSeq(items)) {
      items.items.forEach((item, position) => {
        if (isMap(item)) {
          this.#object(item, position);
        }
      });
    }
    const data = node.get('data');
    if ((node.get('kind') === 'ConfigMap' || !node.has('kind')) && isMap(data)) {
      this.#data(data);
    }
  }

  #nameOf(node: YAMLMap, index: number): string {
    const metadata = node.get('metadata');
    const name = isMap(metadata) ? metadata.get('name') : undefined;
    const kind = node.get('kind');
    return [typeof kind === 'string' ? kind : `document ${index + 1}`, typeof name === 'string' ? name : '']
      .join(' ')
      .trim();
  }

  #mustHave(node: YAMLMap, name: string, line: number): void {
    const kind = node.get('kind');
    const missing = ['apiVersion', 'kind'].filter((key) => !node.has(key));
    for (const key of missing) {
      const version = typeof kind === 'string' ? usualVersions[kind] : undefined;
      const hint =
        key === 'kind'
          ? 'write kind: and what it is, such as ConfigMap'
          : `write apiVersion: ${version ?? 'and its API group'}`;
      this.faults.push({
        code: 'missing-key',
        file: this.#file,
        line,
        keyPath: name,
        message: `${key} is missing`,
        hint,
      });
    }
  }

  #prometheus(line: number, keyPath: string): void {
    const message = 'this is a Prometheus configuration, which this version does not read';
    const hint = 'write its targets as [[inputs.prom]]';
    this.warnings.push({ code: 'not-yet', file: this.#file, line, keyPath, message, hint });
  }

  #data(data: YAMLMap): void {
    const sources: TomlSource[] = [];
    for (const { key, value } of data.items) {
      if (!isScalar(key) || !isScalar(value) || typeof value.value !== 'string') {
        continue;
      }
      const name = String(key.value);
      if (name.endsWith('.conf')) {
        sources.push(this.#source(value, value.value, `data.${JSON.stringify(name)}`));
      } else if (/^scrape_configs:/m.test(value.value)) {
        this.#prometheus(this.#lineOf(key.range?.[0] ?? 0), `data.${JSON.stringify(name)}`);
      }
    }
    if (sources.length > 0) {
      this.configurations.push(sources);
    }
  }

  /** The text of a block begins on the line behind its `|`. */
  #source(scalar: Scalar, text: string, within: string): TomlSource {
    const line = this.#lineOf(scalar.range?.[0] ?? 0);
    const firstLine = scalar.type === 'BLOCK_LITERAL' || scalar.type === 'BLOCK_FOLDED' ? line + 1 : line;
    return { file: this.#file, text, firstLine, within };
  }
}
