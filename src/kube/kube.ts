export { ApiClient, ApiRefusal } from './api-client.ts';
export { type ClusterAccess, inClusterAccess } from './cluster-access.ts';
export { type Pod, type PodContainer, podOf } from './pod.ts';
export { type PodListener, PodWatch, type PodWatchStatus } from './pod-watch.ts';
