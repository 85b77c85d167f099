import { z } from 'zod';
import type { Fault, PathStep, Place } from '../../config/fault.ts';
import { type JsonDocument, parseJson } from '../../config/json-document.ts';
import { checkValue, type Finding } from '../../config/schema-check.ts';
import type { TomlSource } from '../../config/toml-document.ts';
import type { Pod } from '../../kube/kube.ts';
import { contentKeys, encodingKey } from './content-keys.ts';
import { matchesText } from './globs.ts';
import type { LogEntry } from './log-entry.ts';
import { containerOf } from './pod-facts.ts';
import { volumePathOf } from './volume-path.ts';

/** One object of the list: DataKit's keys (docs/logs.md), and those that the table of the input has as well. */
const entrySchema = z.strictObject({
  disable: z.boolean().optional(),
  type: z.enum(['', 'stdout', 'file']).optional(),
  path: z.string().optional(),
  source: z.string().optional(),
  service: z.string().optional(),
  only_images: z.array(z.string()).optional(),
  tags: z.record(z.string(), z.string()).optional(),
  multiline_match: z.string().max(4_096).optional(),
  remove_ansi_escape_codes: z.boolean().optional(),
  json_as_fields: z.boolean().optional(),
  character_encoding: encodingKey.optional(),
  pipeline: z.string().optional(),
  from_beginning: z.boolean().optional(),
  storage_index: z.string().optional(),
  ...contentKeys,
});
export const entryKeys: readonly string[] = Object.keys(entrySchema.shape);
type Entry = z.output<typeof entrySchema>;

/** A tenant may write what costs much to read; these are more than anybody needs. */
const mostCharacters = 65_536;
const mostEntries = 100;
const mostFileEntries = 10;
const mostReports = 20;

/** What is understood and does nothing here, and what to write instead. */
const idle: Readonly<Record<string, string>> = {
  pipeline: "DataKit's pipelines are not run; write `parse` steps",
  storage_index: 'there is one index',
};

/** Names of fields that a line has anyway. */
const takenTags: ReadonlySet<string> = new Set(['source', 'date', 'message', 'timestamp', 'stream', 'signal']);

/** A file inside the container that is to be read as well. */
export interface FileEntry extends LogEntry {
  readonly path: string;
}

/** What annotations and environment say of one container's logs. */
export interface ContainerRules {
  /** Where it is written; undefined where nothing is, or nothing that can be followed. */
  readonly rule: string | undefined;
  /** The same, for messages. */
  readonly place?: Place;
  /** Of stdout and stderr. Empty where nothing is written. */
  readonly entry: LogEntry;
  /** Why stdout and stderr are not collected. */
  readonly leftOut?: string;
  readonly files: readonly FileEntry[];
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
}

export type SourceOf = (annotation: string, text: string) => TomlSource;

/** Nobody says anything. */
export const noRules: ContainerRules = { rule: undefined, entry: {}, files: [], faults: [], warnings: [] };

/**
 * The strongest text that is about the container counts alone, as in DataKit: `meshbridge.io/CONTAINER.logs`,
 * `meshbridge.io/logs`, its environment variable `DATAKIT_LOGS_CONFIG`, `datakit/CONTAINER.logs`, `datakit/logs`. It is a
 * tenant's input: what is wrong in it is named, and the rest of it holds.
 */
export function rulesOf(pod: Pod, container: string, sourceOf?: SourceOf): ContainerRules {
  const known = containerOf(pod, container);
  const texts: readonly (readonly [string, string | undefined])[] = [
    [`meshbridge.io/${container}.logs`, pod.annotations[`meshbridge.io/${container}.logs`]],
    ['meshbridge.io/logs', pod.annotations['meshbridge.io/logs']],
    ['DATAKIT_LOGS_CONFIG', known?.logsConfig],
    [`datakit/${container}.logs`, pod.annotations[`datakit/${container}.logs`]],
    ['datakit/logs', pod.annotations['datakit/logs']],
  ];
  const [rule, text] = texts.find(([, one]) => one !== undefined && one.trim() !== '') ?? [];
  if (rule === undefined || text === undefined) {
    return noRules;
  }
  const source = sourceOf?.(rule, text) ?? { file: `${pod.namespace}/${pod.name}`, text, within: rule };
  if (text.length > mostCharacters) {
    const message = `is longer than ${mostCharacters} characters, and is not read`;
    return { ...noRules, faults: [{ code: 'value', file: source.file, keyPath: source.within ?? '', message }] };
  }
  const document = parseJson(source);
  if ('code' in document) {
    return { ...noRules, faults: [document] };
  }
  try {
    return new RulesReading(pod, container, rule, document).read(known?.image);
  } catch (error) {
    // What is nested deeply enough takes more stack than there is.
    const reason = error instanceof Error ? error.message : String(error);
    const message = `cannot be understood, and is not read: ${reason}`;
    return { ...noRules, faults: [{ code: 'value', ...document.placeOf([]), message }] };
  }
}

class RulesReading {
  readonly #pod: Pod;
  readonly #container: string;
  readonly #rule: string;
  readonly #document: JsonDocument;
  readonly #faults: Fault[] = [];
  readonly #warnings: Fault[] = [];

  constructor(pod: Pod, container: string, rule: string, document: JsonDocument) {
    this.#pod = pod;
    this.#container = container;
    this.#rule = rule;
    this.#document = document;
  }

  read(image: string | undefined): ContainerRules {
    const { value } = this.#document;
    if (!Array.isArray(value)) {
      const finding = { code: 'type' as const, path: [], message: 'must be a list', hint: 'write [{ ... }]' };
      this.#report(this.#faults, [], [finding]);
      return { ...noRules, faults: this.#faults };
    }
    const list: readonly unknown[] = value.slice(0, mostEntries);
    const entries = list.map((one, index) => this.#entry(one, index));
    const concerned = entries.filter(({ only_images: images }) => isOneOf(image, images));
    const wanted = concerned.filter(({ disable }) => disable !== true);
    const ofStdout = wanted.filter(({ type }) => type !== 'file');
    const files = this.#files(wanted);
    const place = this.#document.placeOf([]);
    const found = { rule: this.#rule, place, files, faults: this.#faults, warnings: this.#warnings };
    const entry = ofStdout.at(-1);
    if (entry !== undefined || list.length === 0) {
      return { ...found, entry: entry ?? {} };
    }
    return { ...found, entry: {}, leftOut: this.#why(concerned, wanted) };
  }

  #why(concerned: readonly Entry[], wanted: readonly Entry[]): string {
    if (wanted.length > 0) {
      return `${this.#rule} names files alone; stdout is collected where the list has {"type": "stdout"} as well`;
    }
    return concerned.length === 0 ? `only_images of ${this.#rule} has no image that fits` : `${this.#rule} disables it`;
  }

  #files(wanted: readonly Entry[]): readonly FileEntry[] {
    const files = new Map<string, FileEntry>();
    for (const entry of wanted.filter(({ type }) => type === 'file')) {
      const { path = '' } = entry;
      if (!path.startsWith('/')) {
        const message = path === '' ? 'an entry of type file has no path' : 'path does not begin with /';
        this.#report(this.#faults, [], [{ code: 'value', path: [], message, hint: 'write the path in the container' }]);
      } else if (files.size < mostFileEntries || files.has(path)) {
        files.set(path, { ...entry, path });
        const isThere = containerOf(this.#pod, this.#container) !== undefined;
        if (isThere && volumePathOf(this.#pod, this.#container, path) === undefined) {
          const message = `${path} is not read, since it is in no emptyDir volume of the pod`;
          const hint = 'write it there, or to stdout';
          this.#report(this.#warnings, [], [{ code: 'no-effect', path: [], message, hint }]);
        }
      }
    }
    return [...files.values()];
  }

  /** Keys that are wrong are left out, so that what is right, such as `disable`, holds. */
  #entry(value: unknown, index: number): Entry {
    const { value: whole, faults, unknownKeys } = checkValue(entrySchema, value, value);
    this.#report(this.#faults, [index], faults);
    this.#report(this.#warnings, [index], unknownKeys);
    const wrong = new Set(faults.map(({ path }) => String(path[0] ?? '')));
    const rest = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
    const kept = Object.fromEntries(rest.filter(([key]) => !wrong.has(key)));
    const entry = whole ?? checkValue(entrySchema, kept, kept).value ?? {};
    this.#nameIdle(entry, index);
    return withoutTaken(entry);
  }

  #nameIdle(entry: Entry, index: number): void {
    const found = Object.entries(entry).filter(([key, value]) => Object.hasOwn(idle, key) && value !== '');
    const findings = found.map(([key]) => ({
      code: 'no-effect' as const,
      path: [key],
      message: 'has no effect',
      ...(idle[key] !== undefined && { hint: idle[key] }),
    }));
    const taken = Object.keys(entry.tags ?? {}).filter((name) => takenTags.has(name));
    const clashes = taken.map((name) => ({
      code: 'no-effect' as const,
      path: ['tags', name],
      message: 'is a field that every line has; the tag is left out',
    }));
    this.#report(this.#warnings, [index], [...findings, ...clashes]);
  }

  #report(into: Fault[], base: readonly PathStep[], findings: readonly Finding[]): void {
    const some = findings.slice(0, Math.max(0, mostReports - into.length));
    into.push(...some.map(({ path, ...rest }) => ({ ...this.#document.placeOf([...base, ...path]), ...rest })));
  }
}

function withoutTaken(entry: Entry): Entry {
  const { tags } = entry;
  return tags === undefined
    ? entry
    : { ...entry, tags: Object.fromEntries(Object.entries(tags).filter(([name]) => !takenTags.has(name))) };
}

/** Where the image is not known, nothing is left out. */
function isOneOf(image: string | undefined, images: readonly string[] | undefined): boolean {
  return (
    images === undefined ||
    images.length === 0 ||
    image === undefined ||
    images.some((one) => image.includes(one) || matchesText(one, image))
  );
}
