import type { InputRuntime } from '../contract/input.ts';
import type { TargetStatus } from './target-status.ts';

/** Under a span of the daemon about itself, where these are on. `status` is asked once the scrape has ended. */
export async function tracedScrape(
  { tracer, id }: InputRuntime,
  status: () => TargetStatus,
  work: () => Promise<void>,
): Promise<void> {
  if (tracer === undefined) {
    return await work();
  }
  const attributes = { url: status().url, input: id };
  return await tracer.span({ name: 'scrape', kind: 'client', attributes }, async (span) => {
    await work();
    const { state, error } = status();
    if (state === 'down') {
      span.fail(error ?? 'down');
    }
  });
}
