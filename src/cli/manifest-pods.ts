import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type Scalar,
  visit,
  type YAMLMap,
} from 'yaml';
import type { Fault } from '../config/fault.ts';
import type { TomlSource } from '../config/toml-document.ts';
import type { PodExplanation } from '../contract/status.ts';

export interface ManifestContainer {
  readonly name: string;
  readonly ports: readonly { readonly number: number }[];
  readonly kind: 'main' | 'sidecar' | 'init';
  readonly image?: string;
  /** Its environment variable `DATAKIT_LOGS_CONFIG`. */
  readonly logsConfig?: string;
  readonly mounts?: readonly { readonly volume: string; readonly path: string; readonly subPath: string }[];
}

/** A pod, or the template of pods, as a manifest has it. */
export interface ManifestPod {
  /** Such as `Deployment prod/details-v1`. */
  readonly title: string;
  readonly file: string;
  readonly line: number;
  readonly namespace?: string;
  /** Of a plain pod; those of a template are made up by the cluster. */
  readonly name?: string;
  readonly workload?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly containers: readonly ManifestContainer[];
  /** Names of its volumes that are made for it alone. */
  readonly emptyDirs: readonly string[];
  /** Where the text of an annotation stands. */
  sourceOf(annotation: string, text: string): TomlSource;
}

/** What would follow from such a pod. */
export interface ExplainedPod {
  readonly explanation: PodExplanation;
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
}

/** Title of annotations that stand alone. */
export const snippetTitle = 'annotations';

/** All pods of a YAML file, also of documents that have faults. A snippet that has only `annotations:` counts as a pod. */
export function manifestPods(file: string, text: string): readonly ManifestPod[] {
  const counter = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: counter, prettyErrors: false, strict: true });
  const reading = new PodReading(file, counter);
  for (const { contents } of Array.isArray(documents) ? documents : []) {
    reading.document(contents);
  }
  return reading.pods;
}

class PodReading {
  readonly pods: ManifestPod[] = [];
  readonly #file: string;
  readonly #counter: LineCounter;

  constructor(file: string, counter: LineCounter) {
    this.#file = file;
    this.#counter = counter;
  }

  document(contents: Node | null): void {
    if (!isMap(contents)) {
      return;
    }
    if (contents.has('kind')) {
      this.#object(contents);
      return;
    }
    visit(contents, {
      Pair: (_, { key, value }) => {
        if (isScalar(key) && key.value === 'annotations' && isMap(value)) {
          this.#snippet(value);
        }
      },
    });
  }

  #object(object: YAMLMap): void {
    const kind = textAt(object, 'kind') ?? '';
    const items = object.get('items');
    if (isSeq(items)) {
      for (const item of mapsOf(items)) {
        this.#object(item);
      }
      return;
    }
    const template = kind === 'Pod' ? object : templateOf(object, kind);
    if (template !== undefined) {
      this.#pod(object, template, kind);
    }
  }

  #pod(object: YAMLMap, template: YAMLMap, kind: string): void {
    const namespace = textAt(object, 'metadata', 'namespace');
    const name = textAt(object, 'metadata', 'name');
    const annotations = mapAt(template, 'metadata', 'annotations');
    this.pods.push({
      title: `${kind} ${[namespace, name].filter((part) => part !== undefined).join('/')}`.trim(),
      file: this.#file,
      line: this.#lineOf(object),
      ...(namespace !== undefined && { namespace }),
      ...(name !== undefined && (kind === 'Pod' ? { name } : { workload: name })),
      labels: textsOf(mapAt(template, 'metadata', 'labels')),
      annotations: textsOf(annotations),
      containers: containersOf(template),
      emptyDirs: mapsOf(template.getIn(['spec', 'volumes'])).flatMap((volume) => {
        const name = textAt(volume, 'name');
        return name !== undefined && volume.has('emptyDir') ? [name] : [];
      }),
      sourceOf: (annotation, text) =>
        annotations?.has(annotation) === true
          ? this.#source(annotations, annotation, text)
          : this.#sourceInEnv(template, annotation, text),
    });
  }

  #sourceInEnv(template: YAMLMap, variable: string, text: string): TomlSource {
    let found: Scalar | undefined;
    visit(template, {
      Scalar: (_, node) => {
        found = node.value === text ? node : found;
      },
    });
    const line = this.#lineOf(found ?? template) + (isBlock(found) ? 1 : 0);
    return { file: this.#file, text, firstLine: line, within: `environment ${variable}` };
  }

  #snippet(annotations: YAMLMap): void {
    this.pods.push({
      title: snippetTitle,
      file: this.#file,
      line: this.#lineOf(annotations),
      labels: {},
      annotations: textsOf(annotations),
      containers: [],
      emptyDirs: [],
      sourceOf: (annotation, text) => this.#source(annotations, annotation, text),
    });
  }

  #source(annotations: YAMLMap | undefined, annotation: string, text: string): TomlSource {
    const node = annotations?.get(annotation, true);
    const line = node === undefined ? 1 : this.#lineOf(node);
    return { file: this.#file, text, firstLine: line + (isBlock(node) ? 1 : 0), within: `annotation ${annotation}` };
  }

  #lineOf(node: { readonly range?: readonly number[] | null | undefined }): number {
    return this.#counter.linePos(node.range?.[0] ?? 0).line;
  }
}

/** The text of a block begins on the line behind its `|`. */
function isBlock(node: Scalar | undefined): boolean {
  return node?.type === 'BLOCK_LITERAL' || node?.type === 'BLOCK_FOLDED';
}

function templateOf(object: YAMLMap, kind: string): YAMLMap | undefined {
  return kind === 'CronJob'
    ? mapAt(object, 'spec', 'jobTemplate', 'spec', 'template')
    : mapAt(object, 'spec', 'template');
}

function mapAt(map: YAMLMap, ...path: readonly string[]): YAMLMap | undefined {
  const found = map.getIn(path);
  return isMap(found) ? found : undefined;
}

function textAt(map: YAMLMap, ...path: readonly string[]): string | undefined {
  const found = map.getIn(path);
  return typeof found === 'string' ? found : undefined;
}

function textsOf(map: YAMLMap | undefined): Readonly<Record<string, string>> {
  const pairs = (map?.items ?? []).flatMap(({ key, value }): [string, string][] =>
    isScalar(key) && isScalar(value) && value.value !== null ? [[String(key.value), String(value.value)]] : [],
  );
  return Object.fromEntries(pairs);
}

function containersOf(template: YAMLMap): readonly ManifestContainer[] {
  const of = (list: string, kindOf: (container: YAMLMap) => ManifestContainer['kind']): ManifestContainer[] => {
    const found = template.getIn(['spec', list]);
    return mapsOf(found).flatMap((container) => {
      const name = textAt(container, 'name');
      const image = textAt(container, 'image');
      const logsConfig = logsConfigOf(container);
      const facts = {
        ...(image !== undefined && { image }),
        ...(logsConfig !== undefined && { logsConfig }),
        mounts: mountsOf(container),
      };
      return name === undefined ? [] : [{ name, ports: portsOf(container), kind: kindOf(container), ...facts }];
    });
  };
  return [
    ...of('containers', () => 'main'),
    ...of('initContainers', (container) => (textAt(container, 'restartPolicy') === 'Always' ? 'sidecar' : 'init')),
  ];
}

function logsConfigOf(container: YAMLMap): string | undefined {
  const variable = mapsOf(container.get('env')).find((one) => textAt(one, 'name') === 'DATAKIT_LOGS_CONFIG');
  return variable && textAt(variable, 'value');
}

function mountsOf(container: YAMLMap): NonNullable<ManifestContainer['mounts']> {
  return mapsOf(container.get('volumeMounts')).flatMap((mount) => {
    const [volume, path] = [textAt(mount, 'name'), textAt(mount, 'mountPath')];
    return volume === undefined || path === undefined
      ? []
      : [{ volume, path, subPath: textAt(mount, 'subPath') ?? '' }];
  });
}

function portsOf(container: YAMLMap): readonly { readonly number: number }[] {
  return mapsOf(container.get('ports')).flatMap((port) => {
    const number = port.get('containerPort');
    return typeof number === 'number' ? [{ number }] : [];
  });
}

function mapsOf(list: unknown): readonly YAMLMap[] {
  return isSeq(list) ? list.items.filter((item) => !isAlias(item)).filter((item) => isMap(item)) : [];
}
