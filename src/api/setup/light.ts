import { countText } from '../../lib/words.ts';
import { type SetupText, setupTexts } from './texts.ts';

/** `unknown`: this daemon cannot tell, and `seen` says why. */
export type LightState = 'green' | 'yellow' | 'red' | 'unknown';

/** One thing that a whole set-up needs, as `/api/native/setup` has it. */
export interface Light {
  readonly id: string;
  readonly state: LightState;
  /** Which sentence it is, for those who say it in another language. */
  readonly text: SetupText;
  /** What is filled into it. */
  readonly values: Readonly<Record<string, string>>;
  /** What is there, with numbers. */
  readonly seen: string;
  /** What turns it green. */
  readonly todo?: string;
  /** A command, or a piece of configuration. */
  readonly snippet?: string;
}

export interface LightParts {
  readonly id: string;
  readonly state: LightState;
  readonly text: SetupText;
  readonly values?: Readonly<Record<string, string | number>>;
  readonly snippet?: string;
}

export function light({ id, state, text, values = {}, snippet }: LightParts): Light {
  const { seen, todo }: { readonly seen: string; readonly todo?: string } = setupTexts[text];
  const filled = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, worded(value)]));
  const say = (sentence: string): string => sentence.replace(/\{(\w+)\}/g, (_, name: string) => filled[name] ?? '');
  return {
    id,
    state,
    text,
    values: filled,
    seen: say(seen),
    ...(todo !== undefined && { todo: say(todo) }),
    ...(snippet !== undefined && { snippet }),
  };
}

function worded(value: string | number): string {
  return typeof value === 'string' ? value : countText(value);
}

const mostNamed = 4;

/** `a, b, c, d, +3`, which every language can read. */
export function named(names: readonly string[]): string {
  const shown = names.slice(0, mostNamed).join(', ');
  return names.length > mostNamed ? `${shown}, +${names.length - mostNamed}` : shown;
}
