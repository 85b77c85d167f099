import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { CursorStatus } from '../../../src/contract/status.ts';
import type { Signal } from '../../../src/model/batch.ts';
import { RecordReader } from '../../../src/record/reader.ts';

const program = join(import.meta.dirname, '../../../bin/meshbridge');

export interface InspectedLane {
  readonly signal: Signal;
  readonly cumItems: number;
  readonly outputs: readonly Pick<
    CursorStatus,
    'output' | 'delivered' | 'dropped' | 'routedAway' | 'lost' | 'queuedItems'
  >[];
}

/** What `meshbridge queue inspect` says of the lanes. */
export function queueInspect(dataDir: string): Promise<readonly InspectedLane[]> {
  return new Promise((resolve, reject) => {
    execFile(program, ['queue', 'inspect', '--json', '--data-dir', dataDir], (error, stdout, stderr) => {
      if (error === null) {
        resolve(JSON.parse(stdout).lanes);
      } else {
        reject(new Error(stderr, { cause: error }));
      }
    });
  });
}

export interface DeadLetter {
  readonly reason: string;
  readonly items: number;
}

/** What an output gave up, oldest first. */
export async function deadLetters(dataDir: string, output: string, signal: Signal): Promise<readonly DeadLetter[]> {
  const reader = await RecordReader.open(join(dataDir, 'dead-letters', output, `${signal}.seg`));
  try {
    const found: DeadLetter[] = [];
    for (let events = await reader.read(); events.length > 0; events = await reader.read()) {
      for (const event of events) {
        if (event.kind === 'record') {
          found.push(JSON.parse(Buffer.from(event.header).toString()));
        }
      }
    }
    return found;
  } finally {
    await reader.close();
  }
}
