import type { Json } from './object-store.ts';

/** How users have istiod scraped. */
export const promIstiodConf = `[[inputs.prom]]
  url = "http://istiod.istio-system.svc.cluster.local:15014/metrics"
  source = "prom-istiod"
  metric_types = ["counter", "gauge", "histogram"]
  interval = "10s"
  measurement_name = "istio_prom"
  [inputs.prom.tags]
    app_id = "istiod"
`;

const zipkinConf = `[[inputs.zipkin]]
  pathV1 = "/api/v1/spans"
  pathV2 = "/api/v2/spans"
`;

/** The ConfigMap that users mount into their DaemonSet. */
export const datakitConf: Json = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'datakit-conf', namespace: 'datakit', uid: 'configmap-datakit-datakit-conf' },
  data: { 'zipkin.conf': zipkinConf, 'prom_istiod.conf': promIstiodConf },
};
