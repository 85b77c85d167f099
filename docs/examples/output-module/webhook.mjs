// An output: posts everything as a list of plain JSON objects. In a file of conf.d:
//   [[outputs.module]]
//     path = "./webhook.mjs"
//     signals = ["logs"]
//     [outputs.module.config]
//       url = "http://127.0.0.1:8080/hook"
export const output = ({ z }) => ({
  signals: ['metrics', 'traces', 'logs', 'rum'],

  config: z.strictObject({
    url: z.url().describe('Where to post to.'),
    token: z.string().optional().describe('Sent as a bearer token.'),
  }),

  create({ url, token }, runtime) {
    const headers = {
      'content-type': 'application/json',
      'user-agent': runtime.userAgent,
      connection: 'close',
      ...(token && { authorization: `Bearer ${token}` }),
    };
    return {
      // One attempt. Batches, order, retries and back-off are the daemon's.
      write: (request, signal) =>
        runtime.attempt(request, signal, (items) =>
          fetch(url, { method: 'POST', headers, body: JSON.stringify(items), redirect: 'error', signal }),
        ),

      // Asked by `meshbridge check --connect`.
      async check() {
        try {
          const { ok, status } = await fetch(url, { method: 'HEAD', headers });
          return ok ? { ok } : { ok, reason: `HTTP ${status}` };
        } catch (error) {
          return { ok: false, reason: String(error.cause?.message ?? error.message) };
        }
      },
    };
  },
});
