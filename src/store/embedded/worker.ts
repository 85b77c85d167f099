import { parentPort, workerData } from 'node:worker_threads';
import { decodeSpans } from '../../codec/spans.ts';
import { systemClock } from '../../lib/clock.ts';
import { serveStore } from './store-thread.ts';

if (parentPort !== null) {
  await serveStore({ port: parentPort, settings: workerData, decodeSpans, clock: systemClock });
}
