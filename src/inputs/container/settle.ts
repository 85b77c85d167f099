import type { LogFile } from './log-file.ts';
import { bothStreams } from './position.ts';
import type { RecordAssembler } from './record-assembler.ts';

/** All before `framed` counts as taken, but for records that are open. */
export function settle(file: LogFile, older: readonly LogFile[], assembler: RecordAssembler): void {
  const boundary = file.longLine?.start ?? file.framed;
  for (const stream of bothStreams) {
    if (assembler.isOpen(stream)) {
      continue;
    }
    file.consumed[stream] = Math.max(file.consumed[stream], boundary);
    for (const before of older) {
      before.consumed[stream] = before.framed;
    }
  }
}
