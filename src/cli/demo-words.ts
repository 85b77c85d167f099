import { type AskOptions, daemonWords } from './daemon-words.ts';

export type DemoWords = AskOptions & { readonly json: boolean } & (
    | { readonly action: 'list' }
    | { readonly action: 'apply' | 'delete'; readonly files: readonly string[] }
    | { readonly action: 'set'; readonly name: string; readonly on: boolean }
    | { readonly action: 'load'; readonly pagesPerSecond: number }
  );

/** What `demo` is asked for, or what is wrong with it. */
export function demoWords(
  texts: ReadonlyMap<string, string>,
  flags: ReadonlySet<string>,
  others: readonly string[],
): DemoWords | string {
  const place = daemonWords(texts);
  if (typeof place === 'string') {
    return place;
  }
  const usual = { ...place, json: flags.has('json') };
  const [action, ...words] = others;
  const [first = '', second = ''] = words;
  switch (action) {
    case 'list':
      return words.length === 0 ? { ...usual, action } : `demo list takes no ${first}`;
    case 'apply':
    case 'delete':
      return words.length === 0 ? `demo ${action} wants -f FILE` : { ...usual, action, files: words };
    case 'set':
      return words.length === 2 && (second === 'on' || second === 'off')
        ? { ...usual, action, name: first, on: second === 'on' }
        : 'demo set wants the name of a switch, and on or off; "meshbridge demo list" has the names';
    case 'load':
      return words.length === 1 && /^\d+(\.\d+)?$/.test(first)
        ? { ...usual, action, pagesPerSecond: Number(first) }
        : 'demo load wants a number of pages a second, such as 5';
    default:
      return `demo wants one of list, set, apply, delete and load${action === undefined ? '' : `, and got "${action}"`}`;
  }
}
