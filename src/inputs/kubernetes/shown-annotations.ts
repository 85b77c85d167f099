import type { Pod } from '../../kube/kube.ts';

const ours =
  /^(?:datakit|meshbridge\.io)\/(?:prom\.instances|(?:.{1,63}\.)?logs)$|^prometheus\.io\/|^prometheus\.istio\.io\//;
/** Cut before anything is looked for: a tenant may write what is slow to search. */
const mostCharacters = 4_000;

/** The annotations of a pod that say what is to be collected, as written, but for what may be secret. */
export function shownAnnotations({ annotations }: Pod): Readonly<Record<string, string>> | undefined {
  const found = Object.entries(annotations).filter(([name]) => ours.test(name));
  return found.length === 0 ? undefined : Object.fromEntries(found.map(([name, text]) => [name, masked(text)]));
}

const text = `"""[\\s\\S]*?(?:"""|$)|'''[\\s\\S]*?(?:'''|$)|"(?:[^"\\\\\\n]|\\\\.)*"?|'[^'\\n]*'?`;
const secretValue = new RegExp(
  `(["']?[\\w.-]{0,40}(?:token|password|secret|authorization|cookie|api-?key|cert_key)[\\w.-]{0,40}["']?\\s*[=:]\\s*)(?:${text})`,
  'gi',
);
const headerTable = /(\[{1,2}[^[\]\n]{0,80}http_headers["']?\s*\]+)([^[]*)/g;
const inlineHeaders = new RegExp(`(http_headers["']?\\s*=\\s*\\{)((?:${text}|[^}"'])*)`, 'g');
const anyValue = new RegExp(`(=\\s*)(?:${text})`, 'g');

function masked(written: string): string {
  const hidden = written
    .slice(0, mostCharacters)
    .replace(headerTable, (_, head: string, body: string) => head + body.replace(anyValue, '$1"***"'))
    .replace(inlineHeaders, (_, head: string, body: string) => head + body.replace(anyValue, '$1"***"'))
    .replace(secretValue, '$1"***"')
    .replace(/\/\/[^/@\s"']{0,200}@/g, '//***@');
  return written.length > mostCharacters ? `${hidden} …` : hidden;
}
