import { en } from './texts-en.ts';
import { zh } from './texts-zh.ts';

export type Language = 'en' | 'zh';
export type TextValues = Readonly<Record<string, string>>;

export type TextKey = keyof typeof en;

export const tables: Readonly<Record<Language, Readonly<Record<TextKey, string>>>> = { en, zh };

/** A sentence in that language, with its values filled in. */
export function say(language: Language, key: TextKey, values: TextValues = {}): string {
  return tables[language][key].replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '');
}
