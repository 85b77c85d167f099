import { harmless, type Paint } from './paint.ts';

export type Tone = keyof Paint;

export interface Cell {
  readonly text: string;
  readonly tone?: Tone;
}

export interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
  /** Where the terminal is too narrow, columns of the highest rank go first; rank 0 stays. */
  readonly rank: number;
}

export interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
}

const gap = 2;
/** What is left of the first column at least. */
const leastName = 12;

/** The lines of a table, its titles first, none of them wider than the terminal. */
export function tableLines({ columns, rows }: Table, width: number, paint: Paint): readonly string[] {
  const widths = columns.map((column, i) =>
    Math.max(...[column.title, ...rows.map((row) => row[i]?.text ?? '')].map(widthOf)),
  );
  const shown = fitting(columns, widths, width);
  const others = shown.slice(1).reduce((sum, i) => sum + gap + (widths[i] ?? 0), 0);
  const name = Math.min(widths[0] ?? 0, Math.max(leastName, width - others));
  const lineOf = (cells: readonly Cell[]): string =>
    shown
      .map((i) => {
        const { text, tone } = cells[i] ?? { text: '' };
        const placed = placedIn(harmless(text), i === 0 ? name : (widths[i] ?? 0), columns[i]?.align ?? 'left');
        return tone === undefined ? placed : paint[tone](placed);
      })
      .join(' '.repeat(gap))
      .trimEnd();
  const titles = columns.map(({ title }): Cell => ({ text: title, tone: 'dim' }));
  return [titles, ...rows].map((cells) => lineOf(cells));
}

function fitting(columns: readonly Column[], widths: readonly number[], width: number): readonly number[] {
  let shown = columns.map((_, i) => i);
  const needed = (): number =>
    shown.reduce((sum, i) => sum + (i === 0 ? Math.min(leastName, widths[0] ?? 0) : gap + (widths[i] ?? 0)), 0);
  while (needed() > width) {
    const worst = Math.max(...shown.map((i) => columns[i]?.rank ?? 0));
    if (worst === 0) {
      break;
    }
    const away = shown.findLast((i) => columns[i]?.rank === worst);
    shown = shown.filter((i) => i !== away);
  }
  return shown;
}

function placedIn(text: string, width: number, align: Column['align']): string {
  const cut = cutTo(text, width);
  const room = ' '.repeat(Math.max(0, width - widthOf(cut)));
  return align === 'left' ? cut + room : room + cut;
}

/** The end of a name tells more than its middle; what is cut is marked. */
export function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) {
    return text;
  }
  let cut = '';
  let used = 0;
  for (const character of text) {
    used += widthOf(character);
    if (used > width - 1) {
      break;
    }
    cut += character;
  }
  return width < 1 ? '' : `${cut}…`;
}

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}]/u;
const without = /[\p{Mn}\p{Me}\p{Cf}]/u;

/** Columns of a terminal; characters of East Asia take two (Unicode TR 11). */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) {
    width += without.test(character) ? 0 : wide.test(character) ? 2 : 1;
  }
  return width;
}
