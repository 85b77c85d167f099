import { z } from 'zod';
import { describeInput, readsAlone, type Source } from '../../../test/contracts/input-contract.ts';
import { fakeApiServer } from '../../../test/fakes/api-server.ts';
import { fakeFarSide } from '../../../test/fakes/far-side.ts';
import type { Emission, FakeInputRuntime } from '../../../test/fakes/input-runtime.ts';
import { FrameDecoder } from '../../codec/metric-frame/metric-frame.ts';
import { defineInput } from '../../contract/input.ts';
import { isStale } from '../../model/metric.ts';
import { PodsInput } from './pods-input.ts';

/** As the bridge makes it, which knows where the cluster is. */
const definition = defineInput({
  type: 'kubernetes',
  summary: 'Scrapes the pods of this node.',
  signals: ['metrics', 'logs'],
  config: z.strictObject({ api_server: z.string().describe('The API server.') }),
  create: ({ api_server: url }, runtime) => {
    const access = () => Promise.resolve({ url });
    return new PodsInput({ access, node: 'node-1', istio: 'auto', firstAnswersMs: 0 }, runtime);
  },
});

/** A pod whose annotation names a page that shows each line once, and garbage first. */
async function podWithPage(): Promise<Source> {
  const api = await fakeApiServer();
  const far = await fakeFarSide();
  const lines: string[] = [];
  let garbage = 0;
  far.answer(() => {
    const body = garbage-- > 0 ? '<html>no metrics</html>' : lines.splice(0).join('');
    return { status: 200, headers: { 'content-type': 'text/plain' }, body };
  });
  const toml = `[[inputs.prom]]\nurl = "http://$IP:${far.port}/page"\ninterval = "5s"`;
  api.put({ name: 'a', annotations: { 'datakit/prom.instances': toml } });
  return {
    config: { api_server: api.url },
    send: async (id) => {
      lines.push(`item{item="${id}"} 1\n`);
      return 'accepted';
    },
    sendGarbage: async () => {
      garbage = Math.max(garbage, 0) + 1;
      return 'refused';
    },
    nudge: (runtime) => (lines.length > 0 || garbage > 0 ? nudge(runtime) : Promise.resolve()),
    close: async () => {
      await api.stop();
      await far.close();
    },
  };
}

/** Lets the next scrape begin, if none is under way. */
async function nudge({ clock }: FakeInputRuntime): Promise<void> {
  await clock.advance(1_000);
}

const decoder = new FrameDecoder();

function frameOf(emission: Emission) {
  return decoder.decode(emission.payload, emission.dictionary);
}

describeInput(
  {
    definition,
    source: podWithPage,
    ids: (emission) => {
      const frame = frameOf(emission);
      const here = frame.shape.series.filter(({ name }, i) => name === 'item' && !isStale(frame, i));
      return here.flatMap(({ labels }) => labels.filter(([name]) => name === 'item').map(([, value]) => value));
    },
    count: (emission) => frameOf(emission).values.length,
  },
  {
    ...readsAlone('a page is read: nobody waits for an answer'),
    'takes items again once the queue has room': 'what a page showed while the queue was full is not shown again',
  },
);
