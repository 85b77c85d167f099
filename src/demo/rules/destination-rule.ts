import type { DestinationRule } from '../state/istio-rules.ts';
import { readName } from './object-name.ts';
import type { RuleNode } from './rule-node.ts';

/** Empty where there is no `spec`; what else is wrong is noted. */
export function readDestinationRule(object: RuleNode, namespace: string): readonly DestinationRule[] {
  const name = readName(object, namespace);
  const spec = object.child('spec');
  if (spec === undefined) {
    object.fault('spec', 'is missing');
    return [];
  }
  const host = spec.needText('host', 'name a service, such as reviews');
  const subsets = spec.children('subsets').map((subset) => {
    const read = { name: subset.needText('name', 'such as v1'), labels: subset.record('labels') };
    subset.end();
    return read;
  });
  spec.end();
  object.end();
  return [{ ...name, host, subsets }];
}
