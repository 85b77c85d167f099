import type { Signal } from '../model/batch.ts';
import type { RetryCause } from './retry-cause.ts';

/** Items lost on disk. `items` is known only where a later record, cursor or store position bounds it. */
export interface LaneLoss {
  readonly segment: string;
  readonly offset: number;
  readonly bytes: number;
  readonly items?: number;
  readonly reason: string;
}

/** `cumItems = delivered + dropped + routedAway + lost`; `queuedItems = lane.cumItems − cumItems`. */
export interface CursorStatus {
  readonly output: string;
  /** The last record that is done with. */
  readonly seq: number;
  readonly cumItems: number;
  readonly delivered: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly routedAway: number;
  readonly lost: number;
  readonly queuedItems: number;
  readonly queuedBytes: number;
  /** When the oldest record that waits was received; absent when none waits. */
  readonly oldestMs?: number;
  readonly state: 'idle' | 'sending' | 'retrying' | 'stopped';
  /**
   * `closed`: the far side answers. `open`: it did not, or asked to come later; nothing is sent before `nextAttemptMs`. `half_open`:
   * one request is under way to find out.
   */
  readonly circuit?: 'closed' | 'open' | 'half_open';
  readonly retries: number;
  /** The same, by `RetryCause` (contract/output.ts). */
  readonly retriesByCause?: Readonly<Record<string, number>>;
  readonly lastError?: string;
  /** Of the last attempt that is to be made again. */
  readonly lastCause?: RetryCause;
  readonly nextAttemptMs?: number;
  readonly onFull: 'block' | 'drop_oldest' | 'drop_newest';
  /** As configured: above it `onFull` acts, or earlier where the lane has not that much room. */
  readonly maxBytes?: number;
  /** What has waited longer is given up. */
  readonly maxAgeMs?: number;
  /** What comes now is left out for this output (`drop_newest`), until some of what waits has gone. */
  readonly leavesOut?: true;
  /** What the far side refused for good, as it lies in `dead-letters/`; absent where there is nothing. */
  readonly deadLetters?: DeadLetterStatus;
}

/** Of one output and signal. */
export interface DeadLetterStatus {
  readonly records: number;
  readonly items: number;
  /** Of the files. */
  readonly bytes: number;
  readonly lastReason: string;
  /** When the last one was refused. */
  readonly lastMs: number;
  /** Older ones that went because the files are at their cap, since the process began. */
  readonly discardedItems: number;
}

/** What an output is, beside what it does for each signal (`LaneStatus.outputs`). */
export interface OutputStatus {
  readonly name: string;
  readonly type: string;
  /** Whether it could deliver when it was asked last: at its start, and again as long as it could not. */
  readonly check?: OutputCheckStatus;
}

export interface OutputCheckStatus {
  readonly atMs: number;
  readonly ok: boolean;
  readonly reason?: string;
  readonly cause?: RetryCause;
}

export interface LaneStatus {
  readonly signal: Signal;
  readonly queueId: string;
  readonly segments: number;
  readonly bytes: number;
  readonly maxBytes: number;
  readonly seq: number;
  readonly durableSeq: number;
  readonly cumItems: number;
  /** Why it takes nothing now: its cap, or too little free disk. */
  readonly full?: string;
  /** What the disk says while it cannot be written. */
  readonly diskError?: string;
  readonly losses: readonly LaneLoss[];
  readonly outputs: readonly CursorStatus[];
}

/** `received = accepted + refused + dropped`, in items, since the process began. */
export interface InputStatus {
  readonly id: string;
  readonly type: string;
  readonly signal: Signal;
  readonly received: number;
  readonly accepted: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly dropped: Readonly<Record<string, number>>;
  readonly detail?: object;
}

export interface ListenerStatus {
  readonly name: string;
  /** `host:port` as bound; absent when it is off. */
  readonly address?: string;
  readonly off?: string;
}

export interface DiskStatus {
  readonly dir: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly minFreeBytes: number;
}

/** Where an agent sends its records. */
export interface HubLink {
  /** As configured; tried in turn. */
  readonly urls: readonly string[];
  /** Where browsers find the hub's page. */
  readonly page: string;
}

/** What a hub knows of an agent: `agents` in the detail of its `hub` input, by node. */
export interface AgentStatus {
  readonly node: string;
  readonly address: string;
  readonly version: string;
  readonly lastSeenMs: number;
  /** Its clock less ours, less what the request took on its way. */
  readonly skewMs?: number;
  /** From the agent's disk to its request, of the last one. */
  readonly delayMs?: number;
  /** How far each of its lanes was taken, and how much that was since this process began. */
  readonly lanes: Readonly<Partial<Record<Signal, AgentLane>>>;
}

export interface AgentLane {
  readonly queueId: string;
  readonly seq: number;
  readonly items: number;
}

/** The Secret that a hub keeps its tokens in. */
export interface SecretStatus {
  /** `NAMESPACE/NAME` */
  readonly name: string;
  /** Why it is not there, or not read. */
  readonly error?: string;
  /** What a person can do about it. */
  readonly hint?: string;
}

/** What became of the configuration since the process began. */
export interface ReloadStatus {
  /** Counts the configurations that have run, in whole or in part; 1: the one of the start. */
  readonly generation: number;
  /** Of the last attempt; of the start where there was none. */
  readonly lastAtMs: number;
  readonly lastGoodAtMs: number;
  /** Whether the last one was taken as a whole. */
  readonly ok: boolean;
  /** Why not: whole lines. */
  readonly faults: readonly string[];
  /** What the last one changed: whole lines. */
  readonly changed: readonly string[];
  /** Attempts that were taken as a whole, and others. */
  readonly good: number;
  readonly bad: number;
  /** Key paths whose new values the files have, and that this process goes on without. */
  readonly atNextStart: readonly string[];
  /** Files that cannot change while it runs: a volume mounts them by subPath. */
  readonly frozenFiles: readonly string[];
}

/** The read-only view of the whole process: `/api/native/status`, `monitor`, the page. */
export interface BridgeStatus {
  readonly version: string;
  readonly startedAtMs: number;
  readonly nowMs: number;
  readonly node: string;
  readonly pid: number;
  readonly configFiles: readonly string[];
  readonly warnings: readonly string[];
  readonly listeners: readonly ListenerStatus[];
  readonly inputs: readonly InputStatus[];
  readonly lanes: readonly LaneStatus[];
  readonly outputs?: readonly OutputStatus[];
  readonly store?: object;
  /** `agent`: it hands all to a hub. `hub`: agents send to it, or it is configured to be one. */
  readonly role?: 'all-in-one' | 'agent' | 'hub';
  /** Of an agent. */
  readonly hub?: HubLink;
  /** In a cluster, and neither hub nor agent: what it shows is its own node's alone. */
  readonly isAlone?: boolean;
  /** Where `[kubernetes] token_secret` asks for one. */
  readonly tokenSecret?: SecretStatus;
  /** The file system of the data directory; inputs are refused before less than `minFreeBytes` of it is free. */
  readonly disk?: DiskStatus;
  /** Absent where nobody said how to load the configuration again. */
  readonly reload?: ReloadStatus;
  readonly ready: boolean;
  readonly notReady: readonly string[];
  /** It runs beside a demo mesh, whose switches are at `/api/native/demo`. */
  readonly demo?: true;
}

/** What an input that finds its targets by itself makes of one pod: `meshbridge explain`, and `pods` in its status. */
export interface PodExplanation {
  readonly namespace: string;
  readonly pod: string;
  readonly workload?: string;
  /** Whether Istio's proxy runs in it. */
  readonly sidecar?: boolean;
  /** Those that say what is to be collected, as written; what may be secret is masked. */
  readonly annotations?: Readonly<Record<string, string>>;
  readonly targets: readonly PodTargetExplanation[];
  /** What is wrong with its annotations, and what is left out because of it: whole lines. */
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
  /** Why none of it is collected; absent where something is. */
  readonly skipped?: string;
  /** Of its containers of which annotations or the configuration say something. */
  readonly logs?: readonly PodLogsExplanation[];
}

/** What is done with the logs of one container. */
export interface PodLogsExplanation {
  readonly container: string;
  /** The annotation that says it, or `DATAKIT_LOGS_CONFIG`. */
  readonly rule?: string;
  /** Why they are not collected. */
  readonly leftOut?: string;
  readonly source: string;
  readonly tags: Readonly<Record<string, string>>;
  /** In words. */
  readonly done: readonly string[];
}

export interface PodTargetExplanation {
  readonly url: string;
  /** As the annotation has it. */
  readonly written?: string;
  /** The annotation or rule that it comes from. */
  readonly rule: string;
  readonly source: string;
  readonly intervalMs: number;
  readonly measurement?: string;
  /** Labels that its series get. */
  readonly labels: Readonly<Record<string, string>>;
  /** What its settings leave out, in words. */
  readonly leftOut: readonly string[];
}
