import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KubernetesObject } from './kubernetes-schema.ts';

export const deployFolder = join(import.meta.dirname, '../../deploy');

/** What the documents of a YAML text hold; those that are empty or only comments are left out. */
export function objectsOf(text: string): readonly KubernetesObject[] {
  return parseAllDocuments(text, { uniqueKeys: true, strict: true }).flatMap((document) => {
    if (document.errors.length > 0) {
      throw document.errors[0];
    }
    const object: KubernetesObject | null = document.toJS();
    return object === null ? [] : [object];
  });
}

/** What a command prints; throws its last words where it fails or warns. */
function printed(program: string, args: readonly string[], input?: string): string {
  const { status, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    ...(input !== undefined && { input }),
  });
  if (status !== 0 || stderr !== '') {
    throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${stderr}`);
  }
  return stdout;
}

/** `kubectl kustomize` of a folder below deploy/kubernetes. */
export function kustomized(kubectl: string, folder: string): readonly KubernetesObject[] {
  return objectsOf(printed(kubectl, ['kustomize', join(deployFolder, 'kubernetes', folder)]));
}

export interface Release {
  readonly name?: string;
  readonly namespace?: string;
  readonly values?: object;
}

/** `helm template` of our chart. */
export function charted(
  helm: string,
  { name = 'meshbridge', namespace = 'meshbridge', values = {} }: Release = {},
): readonly KubernetesObject[] {
  const chart = join(deployFolder, 'helm/meshbridge');
  const args = ['template', name, chart, '--namespace', namespace, '--values', '-'];
  return objectsOf(printed(helm, args, JSON.stringify(values)));
}

export function titleOf({ apiVersion, kind, metadata }: KubernetesObject): string {
  return `${apiVersion} ${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
}

export function byTitle(objects: readonly KubernetesObject[]): Readonly<Record<string, KubernetesObject>> {
  return Object.fromEntries(objects.map((object) => [titleOf(object), object]));
}
