import type { Follower } from './follower.ts';
import { beginOf, bufferOf, type Text } from './text.ts';

const begin = Buffer.from('-----BEGIN ');
const end = Buffer.from('-----END ');
/** RFC 7468 has 64 characters a line, others up to 76; and what else stands in a key's block: headers, and blank lines. */
const ofBlock = /^[ \t]*(?:[A-Za-z0-9+/=]{0,128}|[A-Z][A-Za-z-]{1,40}: [^\r\n]{0,200})[ \t]*\r?$/;
const reach = 256;

/** Puts the lines of a private key together, so that all of it is found; other lines are for the follower within. */
export class KeyBlockFollower implements Follower {
  readonly #within: Follower | undefined;
  #isInKey = false;

  constructor(within: Follower | undefined) {
    this.#within = within;
  }

  judge(text: Text): 'begin' | 'continue' | 'alone' {
    if (this.#isInKey) {
      const isEnd = bufferOf(text).includes(end);
      this.#isInKey = !isEnd && ofBlock.test(beginOf(text, reach));
      if (isEnd || this.#isInKey) {
        return 'continue';
      }
    }
    const verdict = this.#within?.judge(text) ?? 'alone';
    this.#isInKey = beginsKey(text);
    return this.#isInKey && verdict === 'alone' ? 'begin' : verdict;
  }

  reset(): void {
    this.#isInKey = false;
    this.#within?.reset();
  }
}

function beginsKey(text: Text): boolean {
  const bytes = bufferOf(text);
  const at = bytes.indexOf(begin);
  return at >= 0 && bytes.subarray(at, at + 64).includes('PRIVATE KEY-----') && !bytes.subarray(at).includes(end);
}
