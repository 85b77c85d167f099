import { matchesText } from './globs.ts';

/** What a rule of DataKit's filters can be about. Undefined: not known (yet). */
export interface FilterFacts {
  readonly namespace?: string | undefined;
  readonly pod?: string | undefined;
  readonly container?: string | undefined;
  readonly image?: string | undefined;
  readonly workload?: string | undefined;
}

interface Rule {
  /** Before the colon, as written. */
  readonly word: string;
  readonly field: keyof FilterFacts | 'imageName' | 'imageShortName';
  readonly patterns: readonly string[];
}

/** The words before the colon; DataKit's own are `image` and `namespace`, the others stand in its manual. */
const fields: Readonly<Record<string, Rule['field']>> = {
  image: 'image',
  image_name: 'imageName',
  image_short_name: 'imageShortName',
  namespace: 'namespace',
  kube_namespace: 'namespace',
  pod: 'pod',
  pod_name: 'pod',
  kube_pod: 'pod',
  container: 'container',
  container_name: 'container',
  kube_container: 'container',
  workload: 'workload',
  deployment: 'workload',
  kube_deployment: 'workload',
};

/** `container_include_log` and `container_exclude_log`, in DataKit's order: each kind of fact is included and not excluded. */
export class DataKitRules {
  readonly #include: readonly Rule[];
  readonly #exclude: readonly Rule[];
  /** Rules that are about nothing that is known here. */
  readonly unknown: readonly string[];
  /** Those that need what only the API server knows. */
  readonly needingPods: readonly string[];

  constructor(include: readonly string[], exclude: readonly string[]) {
    this.#include = include.flatMap(ruleOf);
    this.#exclude = exclude.flatMap(ruleOf);
    const all = [...include, ...exclude].filter((rule) => rule.trim() !== '');
    this.unknown = all.filter((rule) => ruleOf(rule).length === 0);
    this.needingPods = all.filter((rule) => ruleOf(rule).some(({ field }) => isOfApi(field)));
  }

  /** The rule that leaves it out, in words; undefined where none does. A rule about what is not known leaves nothing out. */
  refusal(facts: FilterFacts): string | undefined {
    const excluding = this.#exclude.find((rule) => matches(rule, facts) === true);
    if (excluding !== undefined) {
      return `container_exclude_log has ${wordsOf(excluding)}`;
    }
    const kinds = new Set(this.#include.map(({ field }) => field));
    for (const kind of kinds) {
      const rules = this.#include.filter(({ field }) => field === kind);
      if (rules.every((rule) => matches(rule, facts) === false)) {
        return `container_include_log has no ${rules[0]?.word} that fits`;
      }
    }
    return undefined;
  }
}

function ruleOf(text: string): readonly Rule[] {
  const [, word = '', pattern = ''] = /^\s*([a-z_]+)\s*:\s*(\S.*?)\s*$/.exec(text) ?? [];
  const field = Object.hasOwn(fields, word) ? fields[word] : undefined;
  return field === undefined ? [] : [{ word, field, patterns: alternatives(pattern) }];
}

function isOfApi(field: Rule['field']): boolean {
  return field !== 'namespace' && field !== 'pod' && field !== 'container';
}

function matches({ field, patterns }: Rule, facts: FilterFacts): boolean | undefined {
  const value = factOf(field, facts);
  return value === undefined ? undefined : patterns.some((pattern) => matchesText(pattern, value));
}

function factOf(field: Rule['field'], facts: FilterFacts): string | undefined {
  switch (field) {
    case 'imageName':
      return facts.image === undefined ? undefined : withoutTag(facts.image);
    case 'imageShortName':
      return facts.image === undefined ? undefined : withoutTag(facts.image).split('/').at(-1);
    default:
      return facts[field];
  }
}

/** `registry:5000/team/app:1.2@sha256:...` → `registry:5000/team/app`. */
function withoutTag(image: string): string {
  return image.replace(/@.*$/s, '').replace(/:[^/:]*$/, '');
}

function wordsOf({ word, patterns }: Rule): string {
  return `${word}:${patterns.join(' or ')}`;
}

const mostAlternatives = 64;

/** `a{b,c}` is `ab` or `ac`. */
function alternatives(pattern: string): readonly string[] {
  let found = [pattern];
  for (;;) {
    const next = found.flatMap((one) => {
      const [all = '', before = '', list = '', after = ''] = /^(.*?)\{([^{}]*)\}(.*)$/s.exec(one) ?? [];
      return all === '' ? [one] : list.split(',').map((part) => `${before}${part}${after}`);
    });
    if (next.length === found.length && next.every((one, i) => one === found[i])) {
      return found;
    }
    if (next.length > mostAlternatives) {
      return found;
    }
    found = next;
  }
}
