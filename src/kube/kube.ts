export { ApiClient, ApiRefusal } from './api-client.ts';
export { type ClusterAccess, type ClusterLogin, inClusterAccess } from './cluster-access.ts';
export { type Endpoint, type EndpointSlice, endpointSliceOf } from './endpoint-slice.ts';
export { type Endpoints, endpointsOf } from './endpoints.ts';
export { LeaseElection, type LeaseElectionOptions, type LeaseState, type LeaseStatus } from './lease-election.ts';
export { type NodeFacts, nodeOf, nodeRight, usualKubeletPort } from './node.ts';
export type { NodePlace } from './node-place.ts';
export { NodePods, type PodView } from './node-pods.ts';
export { type Pod, type PodContainer, podOf } from './pod.ts';
export { type PodListener, PodWatch, type PodWatchStatus } from './pod-watch.ts';
export { ResourceWatch, type WatchState, type WatchStatus } from './resource-watch.ts';
export {
  describeFailure,
  type MissingRight,
  missingRight,
  missingRightLine,
  type Right,
} from './right.ts';
export { type Service, serviceOf } from './service.ts';
