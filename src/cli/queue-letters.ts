import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type DeadLetter, deadLetterPaths, fileFacts, readDeadLetters } from '../lane/dead-letter-file.ts';
import { type Signal, signals } from '../model/batch.ts';
import { counted } from './counted.ts';

const shownExamples = 3;
const shownCharacters = 120;

/** What an output refused for good of one signal. */
export interface DeadLetterReport {
  readonly output: string;
  readonly signal: Signal;
  readonly records: number;
  readonly items: number;
  /** Of the files. */
  readonly bytes: number;
  readonly oldestMs: number;
  readonly newestMs: number;
  readonly reasons: readonly { readonly reason: string; readonly records: number; readonly items: number }[];
  /** The last ones. */
  readonly examples: readonly Example[];
}

interface Example {
  readonly reason: string;
  readonly format: string;
  readonly items: number;
  readonly receivedAtMs: number;
  readonly origin: object;
  /** How the payload begins, as far as it is text. */
  readonly text: string;
}

/** Of all outputs that have any, also of those that are not configured any more. */
export async function deadLetterReports(dataDir: string): Promise<readonly DeadLetterReport[]> {
  const reports: DeadLetterReport[] = [];
  for (const output of await outputsWithLetters(dataDir)) {
    for (const signal of signals) {
      const found = await report(output, signal, deadLetterDir(dataDir, output));
      if (found.records > 0) {
        reports.push(found);
      }
    }
  }
  return reports;
}

export function deadLetterDir(dataDir: string, output: string): string {
  return join(dataDir, 'dead-letters', output);
}

/** Names of outputs. */
export async function outputsWithLetters(dataDir: string): Promise<readonly string[]> {
  const entries = await readdir(join(dataDir, 'dead-letters'), { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

async function report(output: string, signal: Signal, dir: string): Promise<DeadLetterReport> {
  const reasons = new Map<string, { records: number; items: number }>();
  const examples: Example[] = [];
  let [records, items, bytes, oldestMs, newestMs] = [0, 0, 0, Number.POSITIVE_INFINITY, 0];
  const { before, now } = deadLetterPaths(dir, signal);
  for (const path of [before, now]) {
    bytes += (await fileFacts(path))?.bytes ?? 0;
    for await (const letter of readDeadLetters(path, signal)) {
      const { reason, atMs, batch } = letter;
      const known = reasons.get(reason) ?? { records: 0, items: 0 };
      reasons.set(reason, { records: known.records + 1, items: known.items + batch.items });
      records += 1;
      items += batch.items;
      oldestMs = Math.min(oldestMs, atMs);
      newestMs = Math.max(newestMs, atMs);
      examples.push(exampleOf(letter));
      examples.splice(0, examples.length - shownExamples);
    }
  }
  const sorted = [...reasons].sort(([, a], [, b]) => b.items - a.items);
  return {
    output,
    signal,
    records,
    items,
    bytes,
    oldestMs,
    newestMs,
    reasons: sorted.map(([reason, counts]) => ({ reason, ...counts })),
    examples,
  };
}

function exampleOf({ reason, receivedAtMs, batch }: DeadLetter): Example {
  const { format, items, origin, payload } = batch;
  const text = Buffer.from(payload.subarray(0, shownCharacters)).toString('utf8');
  const end = text.search(/[^\t\n\r\x20-\x7e\u00a0-\ufffc]/);
  return { reason, format, items, receivedAtMs, origin, text: end < 0 ? text : text.slice(0, end) };
}

export function deadLetterLines(letters: DeadLetterReport): readonly string[] {
  const { output, signal, records, items, bytes, oldestMs, newestMs, reasons, examples } = letters;
  const when = `${new Date(oldestMs).toISOString()} to ${new Date(newestMs).toISOString()}`;
  return [
    `refused  ${output}, ${signal}: ${counted(records, 'dead letter')} of ${counted(items, 'item')}, ${counted(bytes, 'byte')}, ${when}`,
    ...reasons.map((one) => `         ${counted(one.records, 'record')}, ${counted(one.items, 'item')}: ${one.reason}`),
    ...examples.map(
      (one) =>
        `         such as ${counted(one.items, 'item')} of ${one.format} from ${placeOf(one.origin)}${one.text === '' ? '' : `: ${one.text.replaceAll(/\s+/g, ' ')}`}`,
    ),
    `         once the far side is ready for them: stop the daemon, meshbridge queue repair --requeue --output ${output} --signal ${signal}`,
  ];
}

function placeOf(origin: object): string {
  const place = Object.entries(origin).map(([key, value]) => `${key}=${String(value)}`);
  return place.length === 0 ? 'somewhere' : place.join(' ');
}
