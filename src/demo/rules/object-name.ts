import type { RuleNode } from './rule-node.ts';

/** `metadata`; the other parts of it change nothing here. */
export function readName(object: RuleNode, namespace: string): { readonly name: string; readonly namespace: string } {
  const metadata = object.child('metadata');
  if (metadata === undefined) {
    object.fault('metadata', 'is missing', 'write metadata: with a name: below');
    return { name: '', namespace };
  }
  return {
    name: metadata.needText('name', 'give the object a name'),
    namespace: metadata.text('namespace') ?? namespace,
  };
}
