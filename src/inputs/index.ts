import type { InputDefinition } from '../contract/input.ts';
import { container } from './container/container.ts';
import { hubInput } from './hub/hub.ts';
import { kubelet } from './kubelet/kubelet.ts';
import { kubernetesprometheus } from './kubernetesprometheus/kubernetesprometheus.ts';
import { lokiInput } from './loki/loki.ts';
import { moduleInput } from './module/module.ts';
import { opentelemetry } from './opentelemetry/opentelemetry.ts';
import { prom } from './prom/prom.ts';
import { promRemoteWrite } from './prom-remote-write/prom-remote-write.ts';
import { rum } from './rum/rum.ts';
import { zipkin } from './zipkin/zipkin.ts';

/** Every input there is. One component, one folder, one line here. */
export const inputs: readonly InputDefinition[] = [
  zipkin,
  opentelemetry,
  rum,
  container,
  kubelet,
  kubernetesprometheus,
  hubInput,
  lokiInput,
  moduleInput,
  prom,
  promRemoteWrite,
];
