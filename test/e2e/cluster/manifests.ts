import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from './api-calls.ts';

const deploy = join(import.meta.dirname, '../../../deploy');

/** The objects of a file of `deploy/`. */
export async function deployed(file: string): Promise<readonly KubeObject[]> {
  return objectsOf(await readFile(join(deploy, file), 'utf8'));
}

/** The objects of a manifest; empty documents are left out, and what YAML calls a fault is thrown. */
export function objectsOf(text: string): readonly KubeObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [fault] = document.errors;
    if (fault !== undefined) {
      throw fault;
    }
    const object = document.toJS() as KubeObject | null;
    return object === null ? [] : [object];
  });
}

const rights = new Set(['Namespace', 'ServiceAccount', 'Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding']);

/** Whether it says who may do what. */
export function isRight({ kind }: KubeObject): boolean {
  return rights.has(kind);
}
