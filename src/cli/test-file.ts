import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Document, isScalar, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { whyUnreadable } from '../config/files.ts';
import { BridgeError } from '../contract/errors.ts';
import { manifestPods } from './manifest-pods.ts';

const texts = z.record(z.string(), z.string()).default({});
const podSchema = z.strictObject({
  namespace: z.string().min(1).default('default'),
  name: z.string().min(1).default('pod'),
  node: z.string().min(1).default('node'),
  /** A documentation address (RFC 5737): nothing is asked there. */
  ip: z.union([z.ipv4(), z.ipv6()]).default('192.0.2.1'),
  labels: texts,
  annotations: texts,
  workload: z.string().min(1).optional(),
  workload_kind: z.string().min(1).default('Deployment'),
  containers: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        image: z.string().optional(),
        ports: z.array(z.strictObject({ name: z.string().optional(), number: z.int().min(1).max(65_535) })).default([]),
      }),
    )
    .default([]),
});
/** A pod of a manifest beside the test: by the name of its workload, or its own, unless it is the only one. */
const manifestPodSchema = z.strictObject({
  manifest: z.string().min(1),
  workload: z.string().min(1).optional(),
  namespace: z.string().min(1).optional(),
  name: z.string().min(1).optional(),
  node: z.string().min(1).optional(),
  ip: z.union([z.ipv4(), z.ipv6()]).optional(),
});
/** Not a union, whose faults would not say which key is wrong. */
const anyPod = z.looseObject({}).transform((value, context) => {
  const parsed = ('manifest' in value ? manifestPodSchema : podSchema).safeParse(value);
  for (const { message, path } of parsed.error?.issues ?? []) {
    context.addIssue({ code: 'custom', message, path: [...path] });
  }
  return parsed.data ?? z.NEVER;
});
/** A text that stands in the test, or in a file beside it. */
const given = { text: z.string().optional(), file: z.string().min(1).optional() };
/** False: nobody is to scrape or read it. */
const collected = z.boolean().default(true);
const pageSchema = z
  .strictObject({
    ...given,
    url: z.string().min(1).optional(),
    pod: anyPod.optional(),
    format: z.enum(['text', 'openmetrics']).default('text'),
    collected,
  })
  .refine(isGivenOnce, 'wants either "text" or "file"');
const logSchema = z
  .strictObject({
    ...given,
    pod: anyPod.default(() => podSchema.parse({})),
    container: z.string().min(1).optional(),
    stream: z.enum(['stdout', 'stderr']).default('stdout'),
    /** Of a file inside the container; else it is what the container wrote to `stream`. */
    path: z.string().startsWith('/').optional(),
    time: z.iso.datetime({ offset: true }).optional(),
    collected,
  })
  .refine(isGivenOnce, 'wants either "text" or "file"');
const postSchema = z.strictObject({
  path: z.string().startsWith('/'),
  body: z.string(),
  headers: texts,
  status: z.int().optional(),
});
const patternSchema = z.record(z.string(), z.unknown()).superRefine((pattern, context) => {
  for (const message of wrongExpressions(pattern)) {
    context.addIssue({ code: 'custom', message });
  }
});
const testSchema = z.strictObject({
  name: z.string().min(1),
  post: z.array(postSchema).default([]),
  scrape: z.array(pageSchema).default([]),
  logs: z.array(logSchema).default([]),
  recording: z.string().optional(),
  expect: z.array(patternSchema).default([]),
  absent: z.array(patternSchema).default([]),
  count: z.int().min(0).optional(),
});
const fileSchema = z
  .strictObject({
    config: z.string().optional(),
    config_dir: z.string().optional(),
    tests: z.array(testSchema).min(1),
  })
  .refine(({ config, config_dir: dir }) => config === undefined || dir === undefined, 'has "config" and "config_dir"');

/** A pod as a test describes it. */
export type WrittenPod = z.output<typeof podSchema>;
export type WrittenPage = Omit<z.output<typeof pageSchema>, 'text' | 'file' | 'pod'> & {
  readonly text: string;
  readonly pod?: WrittenPod;
};
export type WrittenLog = Omit<z.output<typeof logSchema>, 'text' | 'file' | 'pod'> & {
  readonly text: string;
  readonly pod: WrittenPod;
};
export type ConfigTest = Omit<z.output<typeof testSchema>, 'scrape' | 'logs' | 'recording'> & {
  readonly scrape: readonly WrittenPage[];
  readonly logs: readonly WrittenLog[];
  readonly recording?: Uint8Array;
};

/** Where the configuration is: a directory, or the text with the file that it stands in, at its own lines. */
export type TestedConfig = { readonly dir: string } | { readonly file: string; readonly text: string };

export interface TestFile {
  readonly config: TestedConfig;
  readonly tests: readonly ConfigTest[];
}

/** Reads a file of tests, and whatever it names beside it. `file` stands in messages. Throws BRIDGE_CONFIG. */
export async function readTests(path: string, file: string): Promise<TestFile> {
  const text = await textOf(path, file);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, merge: true });
  const parsed = fileSchema.safeParse(contentOf(document, file));
  if (!parsed.success) {
    throw notTests(file, z.prettifyError(parsed.error).replaceAll('\n', ' '), parsed.error);
  }
  const { config = '', config_dir: dir, tests } = parsed.data;
  const base = dirname(path);
  const node = document.get('config', true);
  const isBlock = isScalar(node) && (node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED');
  const line = isScalar(node) ? lines.linePos(node.range?.[0] ?? 0).line - (isBlock ? 0 : 1) : 0;
  return {
    config: dir === undefined ? { file, text: '\n'.repeat(line) + config } : { dir: resolve(base, dir) },
    tests: await Promise.all(tests.map((test) => complete(test, base, file))),
  };
}

/** An alias that leads nowhere is noticed last. */
function contentOf(document: Document.Parsed, file: string): unknown {
  const [wrong] = document.errors;
  if (wrong !== undefined) {
    throw notTests(file, wrong.message, wrong);
  }
  try {
    return document.toJS();
  } catch (error) {
    throw notTests(file, error instanceof Error ? error.message : String(error), error);
  }
}

function notTests(file: string, reason: string, cause: unknown): BridgeError {
  return new BridgeError('BRIDGE_CONFIG', `${file} is no file of tests: ${reason}`, { cause });
}

async function complete(test: z.output<typeof testSchema>, base: string, file: string): Promise<ConfigTest> {
  const { recording, scrape, logs, ...rest } = test;
  const beside = (name: string) => [resolve(base, name), `${file}: ${name}`] as const;
  const textIn = async ({ text, file: name = '' }: { text?: string | undefined; file?: string | undefined }) =>
    text ?? (await textOf(...beside(name)));
  const podIn = (pod: z.output<typeof anyPod>) =>
    'manifest' in pod ? podOfManifest(pod, ...beside(pod.manifest)) : Promise.resolve(pod);
  return {
    ...rest,
    scrape: await Promise.all(
      scrape.map(async ({ pod, ...page }) => {
        const { file: _, ...others } = page;
        return { ...others, text: await textIn(page), ...(pod !== undefined && { pod: await podIn(pod) }) };
      }),
    ),
    logs: await Promise.all(
      logs.map(async ({ file: _, ...log }, i) => ({
        ...log,
        text: await textIn(logs[i] ?? {}),
        pod: await podIn(log.pod),
      })),
    ),
    ...(recording !== undefined && { recording: await bytesOf(...beside(recording)) }),
  };
}

async function podOfManifest(
  { manifest, ...given }: z.output<typeof manifestPodSchema>,
  path: string,
  shown: string,
): Promise<WrittenPod> {
  const all = manifestPods(manifest, await textOf(path, shown));
  const fitting = all.filter(
    ({ workload, name }) =>
      (given.workload ?? workload) === workload && (name === undefined || (given.name ?? name) === name),
  );
  const [found, another] = fitting;
  if (found === undefined || another !== undefined) {
    const titles = all.map(({ title }) => title).join(', ');
    const which = `"workload" or "name" has to say which pod of the manifest is meant; there are: ${titles}`;
    throw new BridgeError(
      'BRIDGE_CONFIG',
      `${shown}: ${found === undefined && all.length === 0 ? 'there are no pods' : which}`,
    );
  }
  const { namespace, name, workload, labels, annotations } = found;
  const containers = found.containers
    .filter(({ kind }) => kind !== 'init')
    .map(({ name: of, image, ports }) => ({ name: of, ports, ...(image !== undefined && { image }) }));
  return podSchema.parse({ namespace, name, workload, labels, annotations, containers, ...given });
}

async function textOf(path: string, shown: string): Promise<string> {
  return (await bytesOf(path, shown)).toString('utf8');
}

async function bytesOf(path: string, shown: string): Promise<Buffer> {
  return readFile(path).catch((cause: unknown) => {
    throw new BridgeError('BRIDGE_CONFIG', `${shown} can't be read: ${whyUnreadable(cause)}`, { cause });
  });
}

function isGivenOnce({ text, file }: { readonly text?: string | undefined; readonly file?: string | undefined }) {
  return (text === undefined) !== (file === undefined);
}

function wrongExpressions(pattern: unknown): readonly string[] {
  if (typeof pattern === 'object' && pattern !== null) {
    return Object.values(pattern).flatMap(wrongExpressions);
  }
  const written = expressionIn(pattern);
  if (written === undefined) {
    return [];
  }
  try {
    new RegExp(written);
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

/** Of a text between slashes. */
export function expressionIn(pattern: unknown): string | undefined {
  return typeof pattern === 'string' && /^\/.+\/$/s.test(pattern) ? pattern.slice(1, -1) : undefined;
}
