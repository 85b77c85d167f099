import { getJson } from './http.ts';
import { list, optional, record, text } from './read.ts';

export const lightStates = ['red', 'yellow', 'green', 'unknown'] as const;

export interface LightView {
  readonly id: string;
  readonly state: (typeof lightStates)[number];
  /** Which sentence it is. */
  readonly text: string;
  readonly values: Readonly<Record<string, string>>;
  readonly seen: string;
  readonly todo?: string;
  readonly snippet?: string;
}

export interface SetupView {
  readonly lights: readonly LightView[];
}

export async function loadSetup(signal: AbortSignal): Promise<SetupView> {
  return { lights: list(record(await getJson('/api/native/setup', signal))['lights'], readLight) };
}

function readLight(value: unknown): LightView {
  const it = record(value);
  const values = Object.entries(record(it['values'])).map(([name, one]) => [name, text(one) ?? '']);
  return {
    id: text(it['id']) ?? '',
    state: lightStates.find((state) => state === it['state']) ?? 'unknown',
    text: text(it['text']) ?? '',
    values: Object.fromEntries(values),
    seen: text(it['seen']) ?? '',
    ...optional('todo', text(it['todo'])),
    ...optional('snippet', text(it['snippet'])),
  };
}
