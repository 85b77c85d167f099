/** Who wrote a line, in short: the app or workload, and the container where that is not the same. */
export function sourceOf(labels: Readonly<Record<string, string>>): string {
  const who = labels['app'] ?? labels['workload'] ?? workloadOf(labels['pod'] ?? '');
  const container = labels['container'] ?? '';
  return [who, who.startsWith(container) ? '' : container].filter((part) => part !== '').join(' / ');
}

/** A pod's name without what a ReplicaSet appends: the hash of its template and five characters of its own. */
function workloadOf(pod: string): string {
  return pod.replace(/-[bcdfghjklmnpqrstvwxz2456789]{6,10}-[a-z0-9]{5}$/, '');
}
