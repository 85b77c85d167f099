import type { Clock, Logger } from '../../contract/runtime.ts';
import type { AgentLane, AgentStatus } from '../../contract/status.ts';
import type { Signal } from '../../model/batch.ts';

/** What a request says of its sender. */
export interface Heard {
  readonly node: string;
  readonly address: string;
  /** `meshbridge/0.1.0` */
  readonly userAgent: string;
  readonly signal: Signal;
  readonly queueId: string;
  readonly seq: number;
  readonly items: number;
  readonly sentMs: number | undefined;
  /** When the agent's lane took the last record, by the agent's clock. */
  readonly takenMs: number;
}

interface Agent {
  address: string;
  userAgent: string;
  lastSeenMs: number;
  skewMs: number | undefined;
  delayMs: number | undefined;
  readonly lanes: Partial<Record<Signal, AgentLane>>;
}

const mostAgents = 10_000;
/** One that renames its node is quiet for a while; two under one queue id are not. */
const atOnceMs = 60_000;

/** Who sends, since this process began. */
export class Agents {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #byNode = new Map<string, Agent>();
  readonly #nodeOfQueue = new Map<string, string>();

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Logger }) {
    this.#clock = clock;
    this.#log = log;
  }

  heard({ node, address, userAgent, signal, queueId, seq, items, sentMs, takenMs }: Heard): void {
    const nowMs = this.#clock.now();
    this.#lookForTwins(queueId, node, nowMs);
    const agent = this.#agent(node);
    agent.address = address;
    agent.userAgent = userAgent;
    agent.lastSeenMs = nowMs;
    if (sentMs !== undefined) {
      agent.skewMs = sentMs - nowMs;
      agent.delayMs = Math.max(0, sentMs - takenMs);
    }
    agent.lanes[signal] = { queueId, seq, items: (agent.lanes[signal]?.items ?? 0) + items };
  }

  status(): readonly AgentStatus[] {
    return [...this.#byNode]
      .map(([node, { address, userAgent, lastSeenMs, skewMs, delayMs, lanes }]) => ({
        node,
        address,
        version: userAgent.split('/')[1] ?? '',
        lastSeenMs,
        ...(skewMs === undefined ? {} : { skewMs }),
        ...(delayMs === undefined ? {} : { delayMs }),
        lanes: { ...lanes },
      }))
      .sort((a, b) => (a.node < b.node ? -1 : 1));
  }

  #lookForTwins(queueId: string, node: string, nowMs: number): void {
    const before = this.#nodeOfQueue.get(queueId);
    if (before !== undefined && before !== node) {
      const silentMs = nowMs - (this.#byNode.get(before)?.lastSeenMs ?? 0);
      if (silentMs < atOnceMs) {
        this.#log.error(
          { queueId, nodes: [before, node] },
          'Two agents send under one queue id: the data directory of one is a copy. Records of one are taken for repeats; give one of them a new data directory.',
        );
      }
    }
    if (this.#nodeOfQueue.size >= 4 * mostAgents) {
      this.#nodeOfQueue.clear();
    }
    this.#nodeOfQueue.set(queueId, node);
  }

  #agent(node: string): Agent {
    const known = this.#byNode.get(node);
    if (known !== undefined) {
      return known;
    }
    if (this.#byNode.size >= mostAgents) {
      const [oldest] = [...this.#byNode].sort(([, a], [, b]) => a.lastSeenMs - b.lastSeenMs);
      this.#byNode.delete(oldest?.[0] ?? '');
    }
    const agent: Agent = {
      address: '',
      userAgent: '',
      lastSeenMs: 0,
      skewMs: undefined,
      delayMs: undefined,
      lanes: {},
    };
    this.#byNode.set(node, agent);
    return agent;
  }
}
