import type { InputRuntime } from '../contract/input.ts';
import type { Target } from './target.ts';

/** Sets `meshbridge_scrape_targets` of an input. */
export function gaugeTargets({ id, meter }: InputRuntime, targets: Iterable<Target>): void {
  const counts = { waiting: 0, up: 0, down: 0 };
  for (const target of targets) {
    counts[target.status().state]++;
  }
  for (const [state, count] of Object.entries(counts)) {
    meter.gauge('meshbridge_scrape_targets', 'Targets by what their last scrape was.', { input: id, state }).set(count);
  }
}
