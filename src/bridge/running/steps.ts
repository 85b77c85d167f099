import { hostname, networkInterfaces } from 'node:os';
import type { LoadedConfig } from '../../config/load.ts';
import { addTags, type HeaderStep, originDefaults, pipeline } from '../../pipeline/header-steps.ts';

/**
 * What every batch goes through before the log. What is of the whole cluster gets nothing that names this node: another
 * agent may go on with the same series.
 */
export function headerSteps({ globalTags, kubernetes }: LoadedConfig, node: string): HeaderStep {
  const own = pipeline([originDefaults({ node }), ...tagging(globalTags)]);
  const names = new Set([node, hostname(), ...ownAddresses()]);
  const shared = Object.entries(globalTags).filter(([, value]) => !names.has(value));
  const ofCluster = pipeline(tagging({ ...Object.fromEntries(shared), ...kubernetes.election_tags }));
  return (batch) => (batch.scope === 'cluster' ? ofCluster(batch) : own(batch));
}

function tagging(tags: Readonly<Record<string, string>>): readonly HeaderStep[] {
  return Object.keys(tags).length === 0 ? [] : [addTags(tags)];
}

function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((found) => (found ?? []).map(({ address }) => address));
}
