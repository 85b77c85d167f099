import { readlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/** As many links as Linux follows in one path. */
const mostLinks = 40;

/**
 * Where a path of the node is, when the node's file system is mounted at `hostRoot`: every link on the way is followed as the
 * node would, so that an absolute one leads to what is below `hostRoot`. What is missing, and a ring of links, is left to
 * whoever opens the result.
 */
export async function hostPath(hostRoot: string, path: string): Promise<string> {
  const left = partsOf(path);
  let reached = '/';
  for (let links = 0; left.length > 0; ) {
    const next = join(reached, left.shift() ?? '');
    const target = links < mostLinks ? await linkTarget(join(hostRoot, next)) : undefined;
    if (target === undefined) {
      reached = next;
    } else {
      links++;
      left.unshift(...partsOf(resolve(dirname(next), target)));
      reached = '/';
    }
  }
  return join(hostRoot, reached);
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '');
}

async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch {
    return undefined;
  }
}
