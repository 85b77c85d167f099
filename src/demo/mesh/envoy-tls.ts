import { type ProxyPlan, types } from './proxy-plan.ts';
import { principal, serviceHost, servicePort, workloadsOf } from './topology.ts';

const tlsTypes = `${types}.extensions.transport_sockets.tls.v3`;

function tlsContext({ identity, authority }: ProxyPlan, peers: readonly string[] = []): object {
  return {
    alpn_protocols: ['istio'],
    tls_certificates: [
      { certificate_chain: { inline_string: identity.certificate }, private_key: { inline_string: identity.key } },
    ],
    validation_context: {
      trusted_ca: { inline_string: authority },
      match_typed_subject_alt_names: peers.map((exact) => ({ san_type: 'URI', matcher: { exact } })),
    },
  };
}

/** Mutual TLS to the pods of a service, as sidecars of Istio have it among themselves. */
export function toService(plan: ProxyPlan, service: string): object {
  const typed_config = {
    '@type': `${tlsTypes}.UpstreamTlsContext`,
    sni: `outbound_.${servicePort}_._.${serviceHost(service)}`,
    common_tls_context: tlsContext(plan, [...new Set(workloadsOf(service).map(principal))]),
  };
  return { name: 'envoy.transport_sockets.tls', typed_config };
}

/** Asks whoever calls for a certificate of the mesh. */
export function fromMesh(plan: ProxyPlan): object {
  const typed_config = {
    '@type': `${tlsTypes}.DownstreamTlsContext`,
    require_client_certificate: true,
    common_tls_context: tlsContext(plan),
  };
  return { name: 'envoy.transport_sockets.tls', typed_config };
}
