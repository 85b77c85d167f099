import type { LogBlockBuilder } from '../../codec/log-block/log-block-builder.ts';
import type { Meter } from '../../contract/runtime.ts';
import { withoutAnsi } from './ansi.ts';
import { compiled } from './compiled.ts';
import { type Recode, recoder, withoutCarriageReturn } from './encodings.ts';
import { Finisher } from './finisher.ts';
import { FirstLineFollower } from './first-lines.ts';
import type { Follower } from './follower.ts';
import { KeyBlockFollower } from './key-blocks.ts';
import { OpenGroup } from './open-group.ts';
import {
  type JoinedRecord,
  type LogSettings,
  type LogSteps,
  type Multiline,
  type MultilineLimits,
  multilineDefaults,
  type RecordSteps,
} from './settings.ts';
import { StepCounters } from './step-counters.ts';
import type { Text } from './text.ts';
import { TraceFollower } from './traces.ts';

type Joining = Exclude<Multiline, { by: 'off' }>;
type PerStream<T> = readonly [out: T, err: T];

/**
 * Compiles what the settings ask for. Throws BRIDGE_CONFIG for a pattern that is none, with the path of the key and the place in
 * the pattern. Steps of all containers count into the same counters of `meter`.
 */
export function compileLogSteps(settings: LogSettings, meter: Pick<Meter, 'counter'>): LogSteps {
  const { encoding, removeAnsi, redact, parse } = settings;
  const counters = new StepCounters(meter);
  const replaced = counters.replaced();
  const recode = recoder(encoding, (characters) => replaced.add(characters));
  const finisher = new Finisher({ redact, parse }, counters);
  const follow = followOf(settings);
  const isPlain = recode === undefined && !removeAnsi && follow === undefined && finisher.isPlain;
  return {
    open: () => {
      return isPlain ? undefined : new InstanceSteps({ recode, removeAnsi, follow, finisher });
    },
  };
}

function followOf({ multiline, redact }: LogSettings): StepParts['follow'] {
  const within = multiline.by === 'off' ? undefined : followerOf(multiline);
  const limits = multiline.by === 'off' ? multilineDefaults : multiline;
  if (redact.includes('secrets')) {
    return { limits, follower: () => new KeyBlockFollower(within?.()) };
  }
  return within && { limits, follower: within };
}

/** Makes a follower for a stream. */
function followerOf(multiline: Joining): () => Follower {
  if (multiline.by === 'languages') {
    return () => new TraceFollower(multiline.languages);
  }
  const patterns = multiline.patterns.map((pattern, i) => compiled(`multiline.patterns[${i}]`, pattern));
  return () => new FirstLineFollower(multiline.by, patterns);
}

interface StepParts {
  readonly recode: Recode | undefined;
  readonly removeAnsi: boolean;
  readonly follow: { readonly limits: MultilineLimits; readonly follower: () => Follower } | undefined;
  readonly finisher: Finisher;
}

/** What is open of one stream. */
class StreamGroup {
  readonly follower: Follower;
  readonly group = new OpenGroup();
  /** It got a line since `flushIdle` was last asked. */
  isTouched = false;
  sinceMs = 0;

  constructor(follower: Follower) {
    this.follower = follower;
  }
}

class InstanceSteps implements RecordSteps {
  readonly joins: boolean;
  dropped = 0;
  readonly #parts: StepParts;
  readonly #groups: PerStream<StreamGroup> | undefined;

  constructor(parts: StepParts) {
    this.#parts = parts;
    this.joins = parts.follow !== undefined;
    const make = parts.follow?.follower;
    this.#groups = make && [new StreamGroup(make()), new StreamGroup(make())];
  }

  take(stream: 0 | 1, record: JoinedRecord, into: LogBlockBuilder): 'opened' | 'joined' | 'closed' {
    const text = this.#clean(record);
    const open = this.#groups?.[stream];
    if (open === undefined) {
      this.#finish(record, text, into);
      return 'closed';
    }
    const verdict = open.follower.judge(text);
    const { group } = open;
    open.isTouched = true;
    if (verdict === 'continue' && group.isOpen && this.#hasRoom(group, text)) {
      group.add(record, text);
      return 'joined';
    }
    this.#end(group, into);
    if (verdict === 'alone') {
      this.#finish(record, text, into);
      return 'closed';
    }
    group.begin(record, text);
    return 'opened';
  }

  isOpen(stream: 0 | 1): boolean {
    return this.#groups?.[stream].group.isOpen === true;
  }

  flush(stream: 0 | 1, into: LogBlockBuilder): void {
    const open = this.#groups?.[stream];
    if (open !== undefined) {
      this.#end(open.group, into);
    }
  }

  flushIdle(stream: 0 | 1, nowMs: number, into: LogBlockBuilder): void {
    const open = this.#groups?.[stream];
    if (open === undefined) {
      return;
    }
    if (open.isTouched) {
      open.isTouched = false;
      open.sinceMs = nowMs;
    } else if (nowMs - open.sinceMs >= (this.#parts.follow?.limits.flushAfterMs ?? 0)) {
      this.#end(open.group, into);
    }
  }

  reset(): void {
    for (const { group, follower } of this.#groups ?? []) {
      group.clear();
      follower.reset();
    }
  }

  #clean(record: JoinedRecord): Text {
    const { recode, removeAnsi } = this.#parts;
    const decoded = recode === undefined ? record : recode(record);
    const line = withoutCarriageReturn(decoded);
    return removeAnsi ? withoutAnsi(line) : line;
  }

  #hasRoom(group: OpenGroup, { start, end }: Text): boolean {
    const limits = this.#parts.follow?.limits;
    return limits !== undefined && group.lines < limits.maxLines && group.length + 1 + end - start <= limits.maxBytes;
  }

  #end(group: OpenGroup, into: LogBlockBuilder): void {
    if (group.isOpen) {
      this.#finish(group, group.text(), into);
      group.clear();
    }
  }

  #finish(marks: Pick<JoinedRecord, 'seconds' | 'nanos' | 'flags'>, text: Text, into: LogBlockBuilder): void {
    if (!this.#parts.finisher.finish(marks, text, into)) {
      this.dropped += 1;
    }
  }
}
