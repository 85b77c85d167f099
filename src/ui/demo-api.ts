import { ApiError, getJson, postJson } from './http.ts';
import { list, number, record, text } from './read.ts';

export interface SwitchView {
  readonly name: string;
  readonly group: string;
  readonly summary: string;
  readonly isOn: boolean;
}

export interface DemoView {
  readonly productpage: string;
  /** Of Bookinfo. */
  readonly namespace: string;
  readonly kubeconfig: string;
  readonly pagesPerSecond: number;
  readonly groups: readonly string[];
  readonly switches: readonly SwitchView[];
  readonly rules: readonly string[];
}

export async function loadDemo(signal: AbortSignal): Promise<DemoView> {
  return readDemo(await getJson('/api/native/demo', signal));
}

/** Rejects with ApiError, which says why it was not done. */
export async function turnSwitch(name: string, on: boolean, signal: AbortSignal): Promise<DemoView> {
  return readDemo(await postJson(`/api/native/demo/switches/${encodeURIComponent(name)}`, { on }, signal));
}

export async function setLoad(pagesPerSecond: number, signal: AbortSignal): Promise<DemoView> {
  return readDemo(await postJson('/api/native/demo/load', { pagesPerSecond }, signal));
}

function readDemo(value: unknown): DemoView {
  const it = record(value);
  const productpage = text(it['productpage']) ?? '';
  if (!/^https?:/.test(productpage)) {
    throw new ApiError(0, 'what answers there is no demo');
  }
  return {
    productpage,
    namespace: text(it['namespace']) ?? '',
    kubeconfig: text(it['kubeconfig']) ?? '',
    pagesPerSecond: number(it['pagesPerSecond']) ?? 0,
    groups: list(it['groups'], (group) => text(group) ?? ''),
    switches: list(it['switches'], readSwitch),
    rules: list(it['rules'], (rule) => text(rule) ?? ''),
  };
}

function readSwitch(value: unknown): SwitchView {
  const it = record(value);
  return {
    name: text(it['name']) ?? '',
    group: text(it['group']) ?? '',
    summary: text(it['summary']) ?? '',
    isOn: it['isOn'] === true,
  };
}
