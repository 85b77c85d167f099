import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { type Daemon, startDaemon } from '../e2e/daemon.ts';
import { freePort } from '../fakes/free-port.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';

const kills = 8;

test(
  `kill -9 ${kills} times leaves every point that was acknowledged once in the store`,
  () => inTempDir(killLoop),
  300_000,
);

/** Posts views as browsers do and remembers, by id, what was answered 200. */
class Browsers {
  readonly acknowledged: string[] = [];
  /** Of requests that failed: they may or may not be stored. */
  readonly unknown: string[] = [];
  readonly #stop = new AbortController();
  readonly #url: string;

  constructor(port: number) {
    this.#url = `http://127.0.0.1:${port}/v1/write/rum?precision=ms`;
  }

  async run(connections: number): Promise<void> {
    await Promise.all(Array.from({ length: connections }, () => this.#browser()));
  }

  stop(): void {
    this.#stop.abort();
  }

  async #browser(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const ids = Array.from({ length: 1 + Math.floor(Math.random() * 8) }, () => randomBytes(8).toString('hex'));
      const body = ids.map((id) => `view,app_id=a,session_id=s,view_id=${id} time_spent=1 ${Date.now()}`).join('\n');
      const status = await fetch(this.#url, { method: 'POST', body }).then(
        (answer) => answer.text().then(() => answer.status),
        () => 0,
      );
      (status === 200 ? this.acknowledged : this.unknown).push(...ids);
      if (status === 0) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }
}

async function killLoop(dir: string): Promise<void> {
  const port = await freePort();
  const browsers = new Browsers(port);
  const start = () => startDaemon({ dir, port, readyMs: 90_000 });
  const fed = browsers.run(6);
  let daemon = await start();
  try {
    for (let kill = 0; kill < kills; kill += 1) {
      await new Promise((resolve) => setTimeout(resolve, 400 + Math.random() * 700));
      expect(await daemon.end('SIGKILL')).toBe('SIGKILL');
      daemon = await start();
    }
    browsers.stop();
    await fed;
    await until(async () => isDrained(daemon), { withinMs: 60_000, what: 'all points stored' });
    const copies = await storedCopies(daemon);
    expect(browsers.acknowledged.length).toBeGreaterThan(500);
    expect(browsers.acknowledged.filter((id) => copies.get(id) !== 1)).toEqual([]);
    expect(browsers.unknown.filter((id) => (copies.get(id) ?? 0) > 1)).toEqual([]);
    expect(await daemon.end('SIGTERM')).toBe(0);
  } finally {
    browsers.stop();
    await fed.catch(() => undefined);
    await daemon.end('SIGKILL');
  }
}

async function isDrained(daemon: Daemon): Promise<boolean> {
  const { lanes } = await daemon.status();
  const outputs = lanes.find(({ signal }) => signal === 'rum')?.outputs ?? [];
  return outputs.length > 0 && outputs.every(({ queuedItems }) => queuedItems === 0);
}

async function storedCopies(daemon: Daemon): Promise<ReadonlyMap<string, number>> {
  const copies = new Map<string, number>();
  for (let before = ''; ; ) {
    const query = new URLSearchParams({
      start: '0',
      end: String(4e12),
      limit: '5000',
      ...(before !== '' && { before }),
    });
    const answer = await fetch(`${daemon.url}/api/native/rum/points?${query}`);
    expect(answer.status).toBe(200);
    const page = (await answer.json()) as { points: { tags: { view_id: string } }[]; next?: string };
    for (const { tags } of page.points) {
      copies.set(tags.view_id, (copies.get(tags.view_id) ?? 0) + 1);
    }
    if (page.next === undefined) {
      return copies;
    }
    before = page.next;
  }
}
