import type { TraceNode, TraceTree } from './trace-tree.ts';
import { visibleRows } from './trace-tree.ts';

const none: ReadonlySet<string> = new Set();

/** Keys of the spans that hold every word in service, name, tags or annotations; undefined where nothing is looked for. */
export function foundSpans(tree: TraceTree, typed: string): ReadonlySet<string> | undefined {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) {
    return undefined;
  }
  const found = visibleRows(tree, none).filter(({ node }) => {
    const text = textOf(node);
    return words.every((word) => text.includes(word));
  });
  return new Set(found.map(({ node }) => node.key));
}

function textOf({ service, span }: TraceNode): string {
  const tags = Object.entries(span.tags).map(([key, value]) => `${key}=${value}`);
  const notes = span.annotations.map(({ value }) => value);
  return [service, span.name ?? '', span.id, span.kind ?? '', ...tags, ...notes].join('\n').toLowerCase();
}
