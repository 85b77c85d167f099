import { type Agent, type OutgoingHttpHeaders, request } from 'node:http';

export interface GetPlan {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly agent?: Agent;
  readonly timeoutMs: number;
}

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** Undefined where no whole answer came in time. (`fetch` would double the memory of this process.) */
export async function get(plan: GetPlan): Promise<Answer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
  const { timeoutMs, ...options } = plan;
  const call = request({ ...options, signal: AbortSignal.timeout(timeoutMs) }, (answer) => {
    const chunks: Buffer[] = [];
    answer.on('data', (chunk) => chunks.push(chunk));
    answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks) }));
    answer.on('error', () => resolve(undefined));
  });
  call.on('error', () => resolve(undefined));
  call.end();
  return promise;
}
