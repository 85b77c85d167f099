import type { LoadedInput } from '../config/load.ts';
import { defineKubelet, type KubeletPlace } from '../inputs/kubelet/kubelet.ts';

/** The inputs that ask the kubelet of this node, with where that is. `place`: undefined outside a cluster. */
export function onOwnNode(
  inputs: readonly LoadedInput[],
  place: KubeletPlace | undefined,
  discovery: 'auto' | 'off',
): readonly LoadedInput[] {
  const definition = defineKubelet(place);
  return inputs
    .filter(({ type, byDefault }) => type !== definition.type || !byDefault || discovery === 'auto')
    .map((input) => (input.type === definition.type ? { ...input, definition } : input));
}
