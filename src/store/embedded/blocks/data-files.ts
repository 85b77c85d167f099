import { readdirSync } from 'node:fs';

/** The files of blocks of a partition: the one that grew, then each that it was rewritten to. */
const dataName = /^blocks(?:-(\d{1,9}))?\.rec$/;

export const firstDataFile = 'blocks.rec';

/** In the order in which they were written. */
export function dataFilesIn(dir: string): string[] {
  const numbered = readdirSync(dir).flatMap((name) => {
    const match = dataName.exec(name);
    return match === null ? [] : [{ name, number: Number(match[1] ?? 0) }];
  });
  return numbered.sort((a, b) => a.number - b.number).map(({ name }) => name);
}

/** The file behind that one. */
export function nextDataFile(file: string): string {
  return `blocks-${Number(dataName.exec(file)?.[1] ?? 0) + 1}.rec`;
}
