/** What users have on each pod of Bookinfo; `source` is what it is called there. */
export function promInstances(source: string, port: number): string {
  return `[[inputs.prom]]
  url = "http://$IP:${port}/stats/prometheus"
  source = "minik8s-istio-${source}"
  metric_types = ["counter", "gauge", "histogram"]
  interval = "10s"
  #measurement_prefix = ""
  measurement_name = "istio_prom"
  #[[inputs.prom.measurements]]
  # prefix = "cpu_"
  # name = "cpu"         
  [inputs.prom.tags]
  namespace = "$NAMESPACE"
  pod_name = "$PODNAME"
`;
}

/** Of the six Deployments of Bookinfo's manifest; those that are not in it have none, and are known as Istio's. */
export const promSources: Readonly<Record<string, string>> = {
  'productpage-v1': 'product',
  'details-v1': 'details',
  'reviews-v1': 'review1',
  'reviews-v2': 'review2',
  'reviews-v3': 'review3',
  'ratings-v1': 'ratings',
};
