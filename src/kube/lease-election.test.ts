import { expect, test } from '@jest/globals';
import { type FakeApiServer, fakeApiServer } from '../../test/fakes/api-server.ts';
import { HeldClock } from '../../test/fakes/clock.ts';
import { MemoryLog } from '../../test/fakes/runtime.ts';
import { until, within } from '../../test/fakes/until.ts';
import { ApiClient } from './api-client.ts';
import { LeaseElection, type LeaseState } from './lease-election.ts';

const right = {
  group: 'coordination.k8s.io',
  resource: 'leases',
  verbs: ['get', 'create', 'update'],
  namespace: 'mesh',
  without: 'nobody is elected',
};

class Agent {
  readonly name: string;
  readonly log = new MemoryLog();
  readonly told: string[] = [];
  readonly election: LeaseElection;
  readonly #client: ApiClient;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  state: LeaseState = 'starting';
  ended = false;

  constructor(name: string, api: FakeApiServer, { clock, requestMs }: Times) {
    this.name = name;
    this.#client = new ApiClient({ url: api.url }, 'test');
    this.election = new LeaseElection({
      ...{ client: this.#client, clock, log: this.log, right, namespace: 'mesh', name: 'meshbridge', identity: name },
      monotonicMs: () => clock.now(),
      random: () => 0.5,
      requestMs,
      listener: {
        gained: () => void this.told.push('gained'),
        lost: async () => void this.told.push('lost'),
        state: (state) => {
          this.state = state;
        },
      },
    });
    this.#running = this.election.run(this.#stop.signal);
  }

  async stop(): Promise<void> {
    this.ended = true;
    this.#stop.abort();
    await within(this.#running, 5_000, `the end of ${this.name}`);
  }

  /** As a process that is killed: it says nothing, and writes nothing. */
  async kill(): Promise<void> {
    await this.#client.close();
    await this.stop();
  }
}

interface Times {
  readonly clock: HeldClock;
  /** How long a request that hangs is waited for, on the real clock. */
  readonly requestMs: number;
}

interface Rig {
  readonly api: FakeApiServer;
  readonly clock: HeldClock;
  agent(name: string): Agent;
  /** Lets time pass until it is so; resolves with how many ms that took. */
  pass(condition: () => boolean, what: string): Promise<number>;
  spec(): Readonly<Record<string, unknown>>;
}

/** For requests that are to hang. */
const shortRequestMs = 300;

async function withLease(run: (rig: Rig) => Promise<void>, requestMs = 30_000): Promise<void> {
  const api = await fakeApiServer();
  const clock = new HeldClock();
  const agents: Agent[] = [];
  const agent = (name: string): Agent => {
    const made = new Agent(name, api, { clock, requestMs });
    agents.push(made);
    return made;
  };
  const pass: Rig['pass'] = async (condition, what) => {
    const fromMs = clock.now();
    while (!condition()) {
      await answered();
      await clock.advance(250);
      if (clock.now() - fromMs > 600_000) {
        throw new Error(`not seen: ${what}`);
      }
    }
    return clock.now() - fromMs;
  };
  /** Requests take no time: until they are answered, or given up, the clock stands still. */
  const answered = async (): Promise<void> => {
    const asleep = (): boolean =>
      clock.sleepers >= agents.reduce((sum, one) => sum + (one.ended ? 0 : one.election.holds ? 2 : 1), 0);
    await until(asleep, { what: 'that all agents wait for the clock' });
  };
  try {
    await run({ api, clock, agent, pass, spec: () => api.lease('meshbridge', 'mesh') ?? {} });
  } finally {
    await Promise.all(agents.map((one) => one.stop()));
    await api.stop();
  }
}

test('one of two agents gets the lease, writes who it is, and keeps it', () =>
  withLease(async ({ agent, pass, spec, clock }) => {
    const a = agent('a');
    await pass(() => a.election.holds, 'a has it');
    const b = agent('b');
    await pass(() => b.state === 'candidate', 'b waits');
    const first = spec();
    expect(first).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 10, leaseTransitions: 0 });
    expect(first['acquireTime']).toMatch(/^2026-11-21T12:00:00\.\d{6}Z$/);
    const fromMs = clock.now();
    await pass(() => clock.now() - fromMs > 60_000, 'a minute');
    expect([a.told, b.told]).toEqual([['gained'], []]);
    expect(spec()).toMatchObject({ holderIdentity: 'a', acquireTime: first['acquireTime'], leaseTransitions: 0 });
    expect(spec()['renewTime']).not.toBe(first['renewTime']);
    expect(b.election.status()).toMatchObject({ state: 'candidate', holder: 'a' });
  }));

test('of many that begin at once exactly one gets it', () =>
  withLease(async ({ agent, pass, clock }) => {
    const agents = Array.from({ length: 8 }, (_, index) => agent(`agent-${index}`));
    await pass(() => agents.some(({ election }) => election.holds), 'one has it');
    const fromMs = clock.now();
    await pass(() => clock.now() - fromMs > 10_000, 'ten seconds');
    expect(agents.filter(({ election }) => election.holds)).toHaveLength(1);
    expect(agents.flatMap(({ told }) => told)).toEqual(['gained']);
  }));

test('a killed holder is followed within 15 s, and not before its lease ran out', () =>
  withLease(async ({ agent, pass, spec, clock }) => {
    const a = agent('a');
    await pass(() => a.election.holds, 'a has it');
    const b = agent('b');
    await pass(() => b.state === 'candidate', 'b waits');
    const fromMs = clock.now();
    await pass(() => clock.now() - fromMs > 5_000, 'some renewals');
    await a.kill();
    const tookMs = await pass(() => b.election.holds, 'b has it');
    expect(tookMs).toBeGreaterThan(7_000);
    expect(tookMs).toBeLessThanOrEqual(15_000);
    expect(spec()).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  }));

test('a holder that stops gives it back, and another has it at once', () =>
  withLease(async ({ agent, pass, spec }) => {
    const a = agent('a');
    await pass(() => a.election.holds, 'a has it');
    const b = agent('b');
    await pass(() => b.state === 'candidate', 'b waits');
    await a.stop();
    expect(a.told).toEqual(['gained', 'lost']);
    expect(spec()).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    expect(await pass(() => b.election.holds, 'b has it')).toBeLessThanOrEqual(2_750);
  }));

test('a holder that cannot renew stops after 7 s, and so before another may begin', () =>
  withLease(async ({ agent, pass, api, clock }) => {
    const a = agent('a');
    await pass(() => a.election.holds, 'a has it');
    api.of('leases', 'hang', ['PUT']);
    const tookMs = await pass(() => !a.election.holds, 'a stops');
    expect(tookMs).toBeLessThanOrEqual(7_250);
    expect(a.told).toEqual(['gained', 'lost']);
    api.of('leases', undefined);
    await pass(() => a.election.holds, 'a has it again');
    expect(api.lease('meshbridge', 'mesh')).toMatchObject({ holderIdentity: 'a', leaseTransitions: 0 });
    expect(clock.now()).toBeGreaterThan(0);
  }, shortRequestMs));

test('while the server is away nobody else gets it, and its holder has it again afterwards', () =>
  withLease(async ({ agent, pass, api }) => {
    const a = agent('a');
    await pass(() => a.election.holds, 'a has it');
    const b = agent('b');
    await pass(() => b.state === 'candidate', 'b waits');
    await api.stop();
    await pass(() => a.told.includes('lost') && b.state === 'retrying', 'a stops');
    expect(b.election.holds).toBe(false);
    await api.restart();
    await pass(() => a.election.holds || b.election.holds, 'one has it');
    expect([a, b].filter(({ election }) => election.holds)).toHaveLength(1);
    await pass(() => a.state !== 'retrying' && b.state !== 'retrying', 'both are heard');
    expect([a, b].filter(({ election }) => election.holds)).toHaveLength(1);
  }));

test('times in the record are not believed: one whose clock is wrong keeps it while it renews', () =>
  withLease(async ({ agent, pass, api, clock, spec }) => {
    const renewTime = (second: number) => `1999-01-01T00:00:${String(second).padStart(2, '0')}.000000Z`;
    const other = { holderIdentity: 'other', leaseDurationSeconds: 10, leaseTransitions: 4 };
    api.putLease('meshbridge', 'mesh', { ...other, renewTime: renewTime(0) });
    const a = agent('a');
    for (let second = 1; second <= 30; second++) {
      api.putLease('meshbridge', 'mesh', { ...other, renewTime: renewTime(second) });
      const fromMs = clock.now();
      await pass(() => clock.now() - fromMs >= 2_000, 'two seconds');
    }
    expect(a.election.holds).toBe(false);
    await pass(() => a.election.holds, 'a has it');
    expect(spec()).toMatchObject({ holderIdentity: 'a', leaseTransitions: 5 });
  }));

test('the duration in the record counts, and not our own', () =>
  withLease(async ({ agent, pass, api }) => {
    api.putLease('meshbridge', 'mesh', { holderIdentity: 'other', leaseDurationSeconds: 40 });
    const a = agent('a');
    expect(await pass(() => a.election.holds, 'a has it')).toBeGreaterThanOrEqual(40_000);
  }));

test('who finds another in its place stops at once', () =>
  withLease(async ({ agent, pass, api }) => {
    const a = agent('a');
    await pass(() => a.election.holds, 'a has it');
    api.putLease('meshbridge', 'mesh', { holderIdentity: 'thief', leaseDurationSeconds: 10 });
    expect(await pass(() => !a.election.holds, 'a stops')).toBeLessThanOrEqual(2_750);
    expect(a.election.status()).toMatchObject({ state: 'candidate', holder: 'thief' });
  }));

test('a lease that somebody removed is made anew', () =>
  withLease(async ({ agent, pass, api, spec }) => {
    const a = agent('a');
    await pass(() => a.election.holds, 'a has it');
    api.removeLease('meshbridge', 'mesh');
    await pass(() => spec()['holderIdentity'] === 'a', 'it is there again');
    await pass(() => a.election.holds, 'a has it again');
  }));

test('what others wrote into the lease stays there', () =>
  withLease(async ({ agent, pass, api, spec }) => {
    api.putLease('meshbridge', 'mesh', { holderIdentity: '', strategy: 'OldestEmulationVersion' });
    const a = agent('a');
    await pass(() => a.election.holds, 'a has it');
    expect(spec()).toMatchObject({ holderIdentity: 'a', strategy: 'OldestEmulationVersion' });
  }));

test.each([
  ['get', 'GET'],
  ['create', 'POST'],
  ['update', 'PUT'],
])('403 is named by its verb (%s), and asked again soon at first, then each minute', (verb, method) =>
  withLease(async ({ agent, pass, api }) => {
    if (verb === 'update') {
      api.putLease('meshbridge', 'mesh', { holderIdentity: '' });
    }
    api.of('leases', { status: 403 }, [method]);
    const a = agent('a');
    await pass(() => a.state === 'forbidden', 'forbidden');
    expect(a.election.missing()).toMatchObject({
      verb,
      resource: 'leases',
      namespace: 'mesh',
      without: 'nobody is elected',
      rule: '{apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["get", "create", "update"]}',
    });
    expect(a.election.status().hint).toContain('grant get, create and update of leases to the service account');
    expect(a.log.at('warn')).toHaveLength(1);
    const times: number[] = [];
    while (times.length < 8) {
      const before = api.requests.filter((one) => one.method === method).length;
      times.push(await pass(() => api.requests.filter((one) => one.method === method).length > before, 'asked again'));
    }
    expect(times[0]).toBeLessThanOrEqual(1_250);
    expect(times.at(-1)).toBeGreaterThan(58_000);
    api.of('leases', undefined);
    expect(await pass(() => a.election.holds, 'a has it')).toBeLessThanOrEqual(60_250);
    expect(a.election.missing()).toBeUndefined();
  }),
);

test('Retry-After is heeded', () =>
  withLease(async ({ agent, pass, api }) => {
    api.of('leases', { status: 429, retryAfterSeconds: 20 });
    const a = agent('a');
    await pass(() => a.state === 'retrying', 'told to wait');
    api.of('leases', undefined);
    expect(await pass(() => a.election.holds, 'a has it')).toBeGreaterThan(18_000);
  }));

test('an answer that comes when the lease has run out does not count', () =>
  withLease(async ({ agent, pass, api, clock }) => {
    api.of('leases', 'hang', ['POST']);
    const a = agent('a');
    await until(() => api.requests.some(({ method }) => method === 'POST'));
    clock.step(60_000);
    api.of('leases', undefined);
    await pass(() => a.election.holds, 'a has it');
    expect(a.told).toEqual(['gained']);
  }, shortRequestMs));
