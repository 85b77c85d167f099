import type { OutputDefinition } from '../contract/output.ts';
import { clickhouse } from './clickhouse/clickhouse.ts';
import { dataway } from './dataway/dataway.ts';
import { file } from './file/file.ts';
import { hubOutput } from './hub/hub.ts';
import { influxdb } from './influxdb/influxdb.ts';
import { kafka } from './kafka/kafka.ts';
import { loki } from './loki/loki.ts';
import { moduleOutput } from './module/module.ts';
import { otlp } from './otlp/otlp.ts';
import { remoteWrite } from './remote-write/remote-write.ts';
import { stdout } from './stdout/stdout.ts';
import { zipkinOutput } from './zipkin/zipkin.ts';

/** Every output there is. One component, one folder, one line here. */
export const outputs: readonly OutputDefinition[] = [
  clickhouse,
  dataway,
  file,
  hubOutput,
  influxdb,
  kafka,
  loki,
  moduleOutput,
  otlp,
  remoteWrite,
  stdout,
  zipkinOutput,
];
