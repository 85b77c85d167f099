import type { PageQuirk } from '../state/demo-state.ts';

/** The parts of a pod's page of metrics, in the order in which the agent writes them. */
export interface PageParts {
  readonly agent: string;
  /** Undefined: it could not be had. */
  readonly envoy: string | undefined;
  readonly standard: string;
  /** Undefined: it could not be had; empty: there is none. */
  readonly app: string | undefined;
}

/** One text, as the agent of Istio makes it: the parts behind each other, without a look into them. */
export function mergedPage(parts: PageParts, quirks: readonly PageQuirk[]): string {
  const text = [parts.agent, parts.envoy ?? '', parts.standard, parts.app ?? ''].join('');
  const typed = quirks.includes('repeated types') ? withRepeatedTypes(text, parts) : text;
  return quirks.includes('empty labels') ? withEmptyLabels(typed) : typed;
}

/** A name without labels gets `{}`, as old Envoys wrote it. */
function withEmptyLabels(text: string): string {
  return text.replaceAll(/^([a-zA-Z_:][\w:]*) /gm, '$1{} ');
}

/** The first families of each part stand, with their `# TYPE`, at the end once more, as where two parts have the same library. */
function withRepeatedTypes(text: string, { agent, standard, app }: PageParts): string {
  const again = [agent, standard, app ?? ''].flatMap((part) => /^# TYPE .*$/m.exec(part)?.[0] ?? []);
  return `${text}${again.map((line) => `${line}\n`).join('')}`;
}
