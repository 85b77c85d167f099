import { type ProxyPlan, serverName, types } from './proxy-plan.ts';
import { type Called, principal } from './topology.ts';

const tlsTypes = `${types}.extensions.transport_sockets.tls.v3`;

function tlsContext(
  { identity, authority }: ProxyPlan,
  protocols: readonly string[],
  peers: readonly string[],
): object {
  return {
    alpn_protocols: protocols,
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
export function toService(plan: ProxyPlan, called: Called, subset: string): object {
  const peers = [...new Set(plan.topology.workloadsOf(called.service).map(principal))];
  const protocols = called.port.protocol === 'grpc' ? ['h2'] : ['istio'];
  const typed_config = {
    '@type': `${tlsTypes}.UpstreamTlsContext`,
    sni: serverName(called, subset),
    common_tls_context: tlsContext(plan, protocols, peers),
  };
  return { name: 'envoy.transport_sockets.tls', typed_config };
}

/** Asks whoever calls for a certificate of the mesh. */
export function fromMesh(plan: ProxyPlan): object {
  const typed_config = {
    '@type': `${tlsTypes}.DownstreamTlsContext`,
    require_client_certificate: true,
    common_tls_context: tlsContext(plan, ['h2', 'istio'], []),
  };
  return { name: 'envoy.transport_sockets.tls', typed_config };
}
