// An input: takes what a build server posts after a deployment, and keeps it as a log line of the workload. In conf.d:
//   [[inputs.module]]
//     path = "./deploys.mjs"
//     [inputs.module.config]
//       path = "/hooks/deploys"
export const input = ({ z }) => ({
  signals: ['logs'],

  config: z.strictObject({
    path: z.string().startsWith('/').default('/hooks/deploys').describe('Where it is posted to, on the main port.'),
  }),

  create({ path }, runtime) {
    let running = false;
    const underWay = new Set();
    const event = z.object({ namespace: z.string(), workload: z.string(), version: z.string() });

    async function handle({ body }) {
      if (!running) {
        return { status: 503 };
      }
      const deploy = event.safeParse(readJson(body)).data;
      if (deploy === undefined) {
        runtime.refused('logs', 1, 'malformed');
        return { status: 400, body: 'namespace, workload and version are wanted' };
      }
      const { namespace, workload, version } = deploy;
      const message = `deployed ${version}`;
      const origin = { namespace, workload, version, source: 'deploys' };
      // Resolves when it is on disk. What it rejects with becomes 503 when the queue is full.
      const kept = runtime.emitItems([{ signal: 'logs', message, level: 'info', attributes: { version } }], { origin });
      underWay.add(kept);
      await kept.finally(() => underWay.delete(kept));
      return { status: 204 };
    }

    runtime.routes.add({ method: 'POST', path, listeners: ['main'], access: 'ingest', maxBodyBytes: 65_536, handle });
    return {
      async start() {
        running = true;
      },
      async stop() {
        running = false;
        await Promise.allSettled(underWay);
      },
    };
  },
});

function readJson(body) {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
