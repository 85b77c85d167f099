import { defineInput } from '../../contract/input.ts';
import { promConfig } from '../../scrape/config.ts';
import { PromInput } from './prom-input.ts';

export const prom = defineInput({
  type: 'prom',
  summary: 'Scrapes pages in the format of Prometheus, such as those of Istio sidecars, Envoy and istiod.',
  signals: ['metrics', 'logs'],
  rareSignals: ['logs'],
  config: promConfig,
  datakit: true,
  create: (config, runtime) => new PromInput(config, runtime),
});
