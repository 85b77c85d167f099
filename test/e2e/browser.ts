import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** A tab whose complaints are kept. */
export interface Tab {
  readonly page: Page;
  /** Errors of the page's scripts and of its console, and requests to anywhere but the page's own origin. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

/** A headless Chromium with an empty profile that never calls home. */
export interface Browser {
  open(url: string, options?: BrowserContextOptions): Promise<Tab>;
  close(): Promise<void>;
}

/** Of a machine that does much else. */
const patientMs = 60_000;

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export async function startBrowser(executablePath: string): Promise<Browser> {
  const home = await mkdtemp(join(tmpdir(), 'meshbridge-browser-'));
  const browser = await chromium.launch({
    executablePath,
    headless: true,
    timeout: patientMs,
    args: flags,
    env: { PATH: process.env['PATH'] ?? '', HOME: home },
  });
  return {
    open: async (url, options = {}) => {
      const context = await browser.newContext({ locale: 'en-US', viewport: { width: 1280, height: 900 }, ...options });
      context.setDefaultTimeout(patientMs);
      return openTab(context, url);
    },
    close: async () => {
      await browser.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function openTab(context: BrowserContext, url: string): Promise<Tab> {
  const complaints: string[] = [];
  const page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => {
    const isComplaint = message.type() === 'error' || message.type() === 'warning';
    // That one is about us: looking at what a canvas shows reads it back again and again.
    if (isComplaint && !message.text().includes('willReadFrequently')) {
      complaints.push(`console: ${message.text()}`);
    }
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin && !request.url().startsWith('data:')) {
      complaints.push(`request to ${request.url()}`);
    }
  });
  await page.goto(url);
  return { page, complaints, close: () => context.close() };
}
