import { inputs } from '../../src/inputs/index.ts';
import { outputs } from '../../src/outputs/index.ts';
import type { ProbeReport } from './create-probe.ts';
import { describeRegistry, foldersOf, probeOf } from './registry-contract.ts';

/** What nobody can guess must be written. */
const minimal = {
  'inputs.prom': { url: 'http://127.0.0.1:15020/stats/prometheus' },
  'inputs.module': { path: 'mine.mjs' },
  'outputs.clickhouse': { url: 'http://127.0.0.1:8123' },
  'outputs.dataway': { url: 'http://127.0.0.1:9528?token=tkn_0' },
  'outputs.hub': { urls: ['http://127.0.0.1:9529'] },
  'outputs.influxdb': { url: 'http://127.0.0.1:8086' },
  'outputs.kafka': { brokers: ['127.0.0.1:9092'] },
  'outputs.loki': { url: 'http://127.0.0.1:3100' },
  'outputs.module': { path: 'mine.mjs' },
  'outputs.otlp': { url: 'http://127.0.0.1:4318' },
  'outputs.remote_write': { url: 'http://127.0.0.1:9090/api/v1/write' },
  'outputs.zipkin': { url: 'http://127.0.0.1:9411/api/v2/spans' },
};
/** Discovery is the table `[kubernetes]`, not an `[[inputs.NAME]]`; src/bridge/discovery.ts defines it. */
const unregistered = ['kubernetes'];
let report: Promise<ProbeReport> | undefined;

describeRegistry({
  inputs,
  outputs,
  folders: async (room) => (await foldersOf(room)).filter((folder) => !unregistered.includes(folder)),
  probe: () => {
    report ??= probeOf(minimal);
    return report;
  },
});
