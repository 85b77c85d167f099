import { type Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';

export interface GetPlan {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** `GET`, unless it is another. */
  readonly method?: 'GET' | 'POST';
  readonly body?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly agent?: Agent;
  readonly timeoutMs: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Undefined where no whole answer came in time. (`fetch` would double the memory of this process.) */
export async function get(plan: GetPlan): Promise<Answer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
  const { timeoutMs, body, ...options } = plan;
  const call = request({ ...options, signal: AbortSignal.timeout(timeoutMs) }, (answer) => {
    const chunks: Buffer[] = [];
    answer.on('data', (chunk) => chunks.push(chunk));
    answer.on('end', () =>
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }),
    );
    answer.on('error', () => resolve(undefined));
  });
  call.on('error', () => resolve(undefined));
  call.end(body);
  return promise;
}
