import { type Collection, collections } from './api-paths.ts';
import type { Json } from './object-store.ts';

const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];

/** What `kubectl` asks first: which APIs there are, and what they have. Undefined where a path is nothing of that. */
export function discoveryOf(path: string): Json | undefined {
  if (path === '/version') {
    return { major: '1', minor: '34', gitVersion: 'v1.34.0-meshbridge-demo' };
  }
  if (path.startsWith('/openapi/v3')) {
    return openApi(path.slice('/openapi/v3'.length));
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

/**
 * Just enough for `kubectl apply`: that the server looks at fields itself, as it does (docs: OpenAPI v3 of the API server).
 * `path` is empty for the index, or such as `/apis/apps/v1`.
 */
function openApi(path: string): Json | undefined {
  const named = Object.entries(collections).flatMap(([name, one]) =>
    one.versions.map((version) => ({ name, kind: one.kind, group: one.group, version, at: rootOf(one, version) })),
  );
  if (path === '') {
    const entries = named.map(({ at }) => [at.slice(1), { serverRelativeURL: `/openapi/v3${at}` }]);
    return { paths: Object.fromEntries(entries) };
  }
  const found = named.filter(({ at }) => at === path);
  const paths = found.map(({ name, at, group, version, kind }) => {
    const parameters = [{ name: 'fieldValidation', in: 'query', schema: { type: 'string' } }];
    const patch = {
      parameters,
      'x-kubernetes-action': 'patch',
      'x-kubernetes-group-version-kind': { group, version, kind },
    };
    return [`${at}/namespaces/{namespace}/${name}/{name}`, { patch }];
  });
  return found.length === 0 ? undefined : { openapi: '3.0.0', info: {}, paths: Object.fromEntries(paths) };
}

function rootOf({ group }: Collection, version: string): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
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
