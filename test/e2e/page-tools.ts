import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { until } from '../fakes/until.ts';
import type { Browser, Tab } from './browser.ts';
import type { Daemon } from './daemon.ts';
import { smallPicture } from './small-picture.ts';

const root = join(import.meta.dirname, '../..');

/** What somebody reads there. */
export function textOf(place: Locator): Promise<string> {
  // biome-ignore lint/performance/useDomNodeTextContent: what is shown, and with its line breaks
  return place.innerText();
}

/** The number that is written there. */
export async function numberIn(place: Locator): Promise<number> {
  return Number((await textOf(place)).replaceAll(',', ''));
}

/** Asks again until it holds: the page is up to two seconds behind, and the machine may be busy. */
export async function soon(check: () => Promise<void>, withinMs = 60_000): Promise<void> {
  await until(
    async () => {
      await check();
      return true;
    },
    { withinMs },
  );
}

export async function json<T>(daemon: Daemon, path: string): Promise<T> {
  const response = await fetch(daemon.url + path);
  expect(response.status).toBe(200);
  return (await response.json()) as T;
}

export interface Look {
  readonly browser: Browser;
  readonly daemon: Daemon;
  readonly hash: string;
  readonly tab?: Tab;
  /** Complaints that belong to the test. */
  readonly expected?: RegExp;
}

/** Opens the page, and fails if it complains or stays blank. */
export async function lookAt(look: Look, run: (page: Page) => Promise<void>): Promise<void> {
  const { browser, daemon, hash, expected } = look;
  const opened = look.tab ?? (await browser.open(`${daemon.url}/${hash}`));
  try {
    await opened.page.locator('main').waitFor();
    await run(opened.page);
    expect((await textOf(opened.page.locator('main'))).trim()).not.toBe('');
    expect(opened.complaints.filter((complaint) => expected?.test(complaint) !== true)).toEqual([]);
  } finally {
    await opened.close();
  }
}

/** How many different colours a canvas shows; 0 for one that nobody painted. */
export function coloursIn(canvas: Locator): Promise<number> {
  return canvas.evaluate((element) => {
    const { context, width, height } = ((): { context: CanvasLike | null; width: number; height: number } => {
      const it = element as unknown as { getContext(kind: '2d'): CanvasLike | null; width: number; height: number };
      return { context: it.getContext('2d'), width: it.width, height: it.height };
    })();
    if (context === null || width === 0 || height === 0) {
      return 0;
    }
    const { data } = context.getImageData(0, 0, width, height);
    const seen = new Set<number>();
    for (let i = 0; i < data.length; i += 4) {
      if ((data[i + 3] ?? 0) > 128) {
        seen.add((((data[i] ?? 0) >> 4) << 8) | (((data[i + 1] ?? 0) >> 4) << 4) | ((data[i + 2] ?? 0) >> 4));
      }
    }
    return seen.size;
  });
}

interface CanvasLike {
  getImageData(x: number, y: number, width: number, height: number): { readonly data: Uint8ClampedArray };
}

/** Drags over a place, from one share of its width to another. */
export async function dragOver(page: Page, place: Locator, from: number, to: number): Promise<void> {
  const box = await place.boundingBox();
  const at = (share: number): [number, number] => [
    (box?.x ?? 0) + (box?.width ?? 0) * share,
    (box?.y ?? 0) + (box?.height ?? 0) / 2,
  ];
  await page.mouse.move(...at(from));
  await page.mouse.down();
  await page.mouse.move(...at((from + to) / 2));
  await page.mouse.move(...at(to));
  await page.mouse.up();
}

/** Of `rgb(r, g, b)`. */
export function lightness(colour: string): number {
  const [r = 0, g = 0, b = 0] = [...colour.matchAll(/\d+/g)].map((match) => Number(match[0]));
  return 0.3 * r + 0.6 * g + 0.1 * b;
}

/** The pictures travel with every clone. */
const mostPictureBytes = 60_000;

/** With UPDATE=1 the pictures of the documentation are taken anew. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  if (process.env['UPDATE'] === '1') {
    const images = join(root, 'docs/images');
    mkdirSync(images, { recursive: true });
    const picture = smallPicture(await page.screenshot());
    expect(picture.length).toBeLessThanOrEqual(mostPictureBytes);
    writeFileSync(join(images, `${name}.png`), picture);
  }
}
