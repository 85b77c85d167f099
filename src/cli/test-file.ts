import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Document, isScalar, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { whyUnreadable } from '../config/files.ts';
import { BridgeError } from '../contract/errors.ts';

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
/** A text that stands in the test, or in a file beside it. */
const given = { text: z.string().optional(), file: z.string().min(1).optional() };
/** False: nobody is to scrape or read it. */
const collected = z.boolean().default(true);
const pageSchema = z
  .strictObject({
    ...given,
    url: z.string().min(1).optional(),
    pod: podSchema.optional(),
    format: z.enum(['text', 'openmetrics']).default('text'),
    collected,
  })
  .refine(isGivenOnce, 'wants either "text" or "file"');
const logSchema = z
  .strictObject({
    ...given,
    pod: podSchema.default(() => podSchema.parse({})),
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
export type WrittenPage = Omit<z.output<typeof pageSchema>, 'text' | 'file'> & { readonly text: string };
export type WrittenLog = Omit<z.output<typeof logSchema>, 'text' | 'file'> & { readonly text: string };
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
  const filled = async <T extends { readonly text?: string | undefined; readonly file?: string | undefined }>({
    file: beside,
    text,
    ...others
  }: T) => ({ ...others, text: text ?? (await textOf(resolve(base, beside ?? ''), `${file}: ${beside}`)) });
  return {
    ...rest,
    scrape: await Promise.all(scrape.map(filled)),
    logs: await Promise.all(logs.map(filled)),
    ...(recording !== undefined && { recording: await bytesOf(resolve(base, recording), `${file}: ${recording}`) }),
  };
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
