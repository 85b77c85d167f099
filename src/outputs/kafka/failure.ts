import type { RetryCause, WriteResult } from '../../contract/output.ts';

export type Retry = Extract<WriteResult, { status: 'retry' }>;

/** Something that only waiting, or a person, can mend. Thrown within this output; `retry` is what delivery gets. */
export class Failure extends Error {
  readonly kind: RetryCause;

  constructor(reason: string, kind: RetryCause) {
    super(reason);
    this.name = 'Failure';
    this.kind = kind;
  }

  get retry(): Retry {
    return { status: 'retry', reason: this.message, cause: this.kind };
  }
}
