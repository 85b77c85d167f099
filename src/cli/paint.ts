/** How text is set off on a terminal. */
export interface Paint {
  readonly good: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly strong: (text: string) => string;
}

const asIs = (text: string): string => text;
const sgr =
  (on: number, off: number) =>
  (text: string): string =>
    `\u001b[${on}m${text}\u001b[${off}m`;

export const plain: Paint = { good: asIs, warn: asIs, bad: asIs, dim: asIs, strong: asIs };

/** ECMA-48 SGR, with the colours that every terminal has. */
export const coloured: Paint = {
  good: sgr(32, 39),
  warn: sgr(33, 39),
  bad: sgr(31, 39),
  dim: sgr(2, 22),
  strong: sgr(1, 22),
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const controls = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]+/g;

/** Far sides send error texts: none of them may steer the terminal. */
export function harmless(text: string): string {
  return text.replace(controls, ' ');
}
