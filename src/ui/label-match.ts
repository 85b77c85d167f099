/** A condition on one label, as the URL and the API write it: `namespace=prod`, `code!=200`, `pod=~web-.*`. */
export interface LabelMatch {
  readonly name: string;
  readonly op: '=' | '!=' | '=~' | '!~';
  readonly value: string;
}

export const ops = ['=', '!=', '=~', '!~'] as const;

/** Undefined when it is not a condition. */
export function labelMatchOf(written: string): LabelMatch | undefined {
  const found = /^([a-zA-Z_][\w.]*)(=~|!~|!=|=)(.*)$/s.exec(written);
  const op = ops.find((known) => known === found?.[2]);
  return found === null || op === undefined ? undefined : { name: found[1] ?? '', op, value: found[3] ?? '' };
}

export function matchText({ name, op, value }: LabelMatch): string {
  return `${name}${op}${value}`;
}

/** `{namespace="prod",code!="200"}`; nothing without a condition. */
export function selectorOf(matches: readonly string[]): string {
  const parts = matches.flatMap((written) => {
    const match = labelMatchOf(written);
    return match === undefined ? [] : [`${match.name}${match.op}${quoted(match.value)}`];
  });
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

/** With the condition added; one of the same label that contradicts it goes. */
export function withMatch(matches: readonly string[], added: LabelMatch): readonly string[] {
  const others = matches.filter((written) => {
    const match = labelMatchOf(written);
    const same = match?.name === added.name && match.value === added.value;
    return !same && !(added.op === '=' && match?.name === added.name && match.op === '=');
  });
  return [...others, matchText(added)];
}

function quoted(value: string): string {
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}
