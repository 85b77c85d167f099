import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from './api-calls.ts';
import { podOfTemplate } from './pods.ts';

const shared = process.env['MESHBRIDGE_SHARED'] ?? '../shared';

export interface Workload {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The users' own Bookinfo: labels and annotations of its pods, as they are. */
export function bookinfo(): readonly Workload[] {
  const text = readFileSync(join(shared, 'walkthrough/bookinfo.yaml'), 'utf8');
  const objects = parseAllDocuments(text, { uniqueKeys: false }).map(
    (document) => document.toJS() as KubeObject | null,
  );
  return objects.flatMap((object) => {
    if (object?.kind !== 'Deployment') {
      return [];
    }
    const { metadata } = podOfTemplate(object);
    const { labels, annotations } = metadata as unknown as Omit<Workload, 'name'>;
    return [{ name: object.metadata.name, labels, annotations }];
  });
}
