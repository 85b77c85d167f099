import { type Collection, collections } from './api-paths.ts';
import type { Json } from './object-store.ts';

const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];

/** What `kubectl` asks first: which APIs there are, and what they have. Undefined where a path is nothing of that. */
export function discoveryOf(path: string): Json | undefined {
  if (path === '/version') {
    return { major: '1', minor: '34', gitVersion: 'v1.34.0-meshbridge-demo' };
  }
  if (path === '/api') {
    return { kind: 'APIVersions', versions: ['v1'] };
  }
  if (path === '/apis') {
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups() };
  }
  const [, version] = /^\/api\/(v1)$/.exec(path) ?? /^\/apis\/([^/]+\/[^/]+)$/.exec(path) ?? [];
  const found = Object.entries(collections).filter(([, one]) => groupVersions(one).includes(version ?? ''));
  if (version === undefined || found.length === 0) {
    return undefined;
  }
  const resources = found.map(([name, { kind, isOfCluster, shortNames = [] }]) => {
    const singularName = kind.toLowerCase();
    return { name, singularName, namespaced: isOfCluster !== true, kind, verbs, shortNames };
  });
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: version, resources };
}

function groupVersions({ group, versions }: Collection): readonly string[] {
  return versions.map((version) => (group === '' ? version : `${group}/${version}`));
}

function groups(): Json[] {
  const named = [...new Set(Object.values(collections).map(({ group }) => group))].filter((group) => group !== '');
  return named.map((name) => {
    const [first] = Object.values(collections).filter(({ group }) => group === name);
    const versions = (first?.versions ?? []).map((version) => ({ groupVersion: `${name}/${version}`, version }));
    return { name, versions, preferredVersion: versions[0] };
  });
}
