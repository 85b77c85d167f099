import { isMap, isScalar, isSeq, type Node, type YAMLMap, type YAMLSeq } from 'yaml';
import type { RuleNotes } from './rule-notes.ts';

/** A table of a YAML document. It remembers what it was asked for, so that `end` can name the rest. */
export class RuleNode {
  readonly path: string;
  readonly map: YAMLMap;
  readonly #notes: RuleNotes;
  readonly #asked = new Set<string>();

  constructor(map: YAMLMap, path: string, notes: RuleNotes) {
    this.map = map;
    this.path = path;
    this.#notes = notes;
  }

  /** Keys that are understood, and change nothing here. */
  skip(...keys: readonly string[]): void {
    for (const key of keys) {
      this.#asked.add(key);
    }
  }

  /** Names every key that was neither asked for nor skipped. */
  end(): void {
    for (const { key } of this.map.items) {
      const name = isScalar(key) ? String(key.value) : '';
      if (!this.#asked.has(name)) {
        this.#notes.notUsed(isScalar(key) ? key : undefined, this.pathOf(name));
      }
    }
  }

  has(key: string): boolean {
    return this.map.has(key);
  }

  pathOf(key: string): string {
    return this.path === '' || this.path.endsWith(': ') ? `${this.path}${key}` : `${this.path}.${key}`;
  }

  fault(key: string, message: string, hint?: string): void {
    this.#notes.fault(this.#node(key) ?? this.map, this.pathOf(key), message, hint);
  }

  text(key: string): string | undefined {
    const node = this.#node(key);
    if (node === undefined) {
      return undefined;
    }
    if (isScalar(node) && typeof node.value === 'string') {
      return node.value;
    }
    this.fault(key, 'is not a text', 'put it in quotes');
    return undefined;
  }

  needText(key: string, hint: string): string {
    const text = this.text(key);
    if (text === undefined && !this.has(key)) {
      this.fault(key, 'is missing', hint);
    }
    return text ?? '';
  }

  number(key: string, least: number, most: number): number | undefined {
    const node = this.#node(key);
    if (node === undefined) {
      return undefined;
    }
    const value = isScalar(node) ? node.value : undefined;
    if (typeof value === 'number' && value >= least && value <= most) {
      return value;
    }
    this.fault(key, `is not a number from ${least} to ${most}`);
    return undefined;
  }

  /** A duration such as `7s`, `500ms` or `1m30s`, in ms. */
  durationMs(key: string): number | undefined {
    const text = this.text(key);
    if (text === undefined) {
      return undefined;
    }
    const ms = durationMs(text);
    if (ms === undefined) {
      this.fault(key, `"${text}" is not a duration`, 'write one such as 7s or 500ms');
    }
    return ms;
  }

  child(key: string): RuleNode | undefined {
    const node = this.#node(key);
    if (node === undefined) {
      return undefined;
    }
    if (isMap(node)) {
      return new RuleNode(node, this.pathOf(key), this.#notes);
    }
    this.fault(key, 'is not a table');
    return undefined;
  }

  children(key: string): readonly RuleNode[] {
    const list = this.#list(key);
    return (list?.items ?? []).flatMap((item, n) => {
      if (isMap(item)) {
        return [new RuleNode(item, `${this.pathOf(key)}[${n}]`, this.#notes)];
      }
      this.fault(key, 'has an entry that is not a table');
      return [];
    });
  }

  texts(key: string): readonly string[] {
    const list = this.#list(key);
    return (list?.items ?? []).flatMap((item) => {
      if (isScalar(item) && typeof item.value === 'string') {
        return [item.value];
      }
      this.fault(key, 'has an entry that is not a text', 'put it in quotes');
      return [];
    });
  }

  /** Names and texts. */
  record(key: string): Readonly<Record<string, string>> {
    const table = this.child(key);
    const entries = (table?.keys() ?? []).flatMap((name) => {
      const text = table?.text(name);
      return text === undefined ? [] : [[name, text] as const];
    });
    return Object.fromEntries(entries);
  }

  keys(): readonly string[] {
    return this.map.items.flatMap(({ key }) => (isScalar(key) ? [String(key.value)] : []));
  }

  #list(key: string): YAMLSeq | undefined {
    const node = this.#node(key);
    if (node === undefined || isSeq(node)) {
      return node;
    }
    this.fault(key, 'is not a list', 'begin each entry with a dash');
    return undefined;
  }

  /** An empty value is none. */
  #node(key: string): Node | undefined {
    this.#asked.add(key);
    const node = this.map.get(key, true) as Node | undefined;
    return isScalar(node) && node.value === null ? undefined : node;
  }
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Of `1m30s`; undefined where it is none. */
export function durationMs(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) {
    return undefined;
  }
  const parts = text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g);
  return [...parts].reduce((sum, [, number, unit = '']) => sum + Number(number) * (unitMs[unit] ?? 0), 0);
}
