export interface KubeconfigPlan {
  readonly url: string;
  /** PEM of the authority of the server's certificate. */
  readonly authority: string;
  readonly token: string;
  /** Where `kubectl` looks when nobody says so. */
  readonly namespace: string;
}

/** A file for `kubectl --kubeconfig`, and for `[kubernetes] kubeconfig`. */
export function kubeconfig({ url, authority, token, namespace }: KubeconfigPlan): string {
  return `apiVersion: v1
kind: Config
current-context: demo
clusters:
- name: demo
  cluster:
    server: ${url}
    certificate-authority-data: ${Buffer.from(authority).toString('base64')}
users:
- name: demo
  user:
    token: ${token}
contexts:
- name: demo
  context:
    cluster: demo
    user: demo
    namespace: ${namespace}
`;
}
