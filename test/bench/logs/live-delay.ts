import { setTimeout as delay } from 'node:timers/promises';

const askEveryMs = 25;

interface Tail {
  readonly lines: readonly { readonly message: string }[];
  readonly next?: string;
}

/** From the writing of a marker line to its turning up in the tail of the store, ms each, until the signal. */
export async function delaysOf(url: string, signal: AbortSignal): Promise<readonly number[]> {
  const delays: number[] = [];
  let after: string | undefined;
  while (!signal.aborted) {
    const query = new URLSearchParams({
      match: 'pod=marker',
      limit: '1000',
      ...(after !== undefined && { after }),
    });
    const response = await fetch(`${url}/api/native/logs/tail?${query}`);
    const seenMs = Date.now();
    if (!response.ok) {
      throw new Error(`the tail answered ${response.status}: ${await response.text()}`);
    }
    const { lines, next }: Tail = JSON.parse(await response.text());
    after = next ?? after;
    delays.push(...lines.map(({ message }) => seenMs - Number(message.split(' ')[1])));
    await delay(askEveryMs);
  }
  return delays;
}
