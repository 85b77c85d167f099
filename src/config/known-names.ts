/** Inputs that this program is to have (interfaces.md); those without a definition yet are named as such. */
export const plannedInputs: readonly string[] = [
  'prom',
  'kubernetesprometheus',
  'kubelet',
  'zipkin',
  'opentelemetry',
  'container',
  'rum',
  'prom_remote_write',
  'loki',
  'hub',
  'self',
];

export const plannedOutputs: readonly string[] = [
  'store',
  'hub',
  'remote_write',
  'otlp',
  'zipkin',
  'loki',
  'influxdb',
  'dataway',
  'kafka',
  'clickhouse',
  'file',
  'stdout',
  'module',
];

/** DataKit's inputs that users have in their conf.d and that collect what meshbridge does not. */
export const dataKitInputs: ReadonlySet<string> = new Set(
  `activemq aerospike apache apache_doris awslambda beats_output bpf_netflow cassandra chrony clickhousev1 cloudprober
  coredns couchbase cpu ddtrace ddtrace_java dialtesting disk diskio dk dynamic_dw ebpf ebpftrace elasticsearch envoy_v2 etcd
  external flinkv1 gitlab gitrepos goldendb gpu_smi graphite greenplum hbase host_dir host_healthcheck host_processes hostdir
  hostobject iis influxdb internal ipmi istio_prom jaeger jaeger_collector jbossmq jenkins jvm kafka kafkamq kingbase kubernetes
  kubernetesdaemonset kvm lark lighttpd logfwd logfwdserver logging logstreaming mem memcached minio mongodb mysql nacos neo4j
  net netflow netstat newrelic nfs nginx nginxlng nginx_ingress nsq oceanbase openldap oracle oracledb phpfpm ping pinpoint
  pipeline ploffload postgresql processes profile promtail promv2 promsd promremote prom_v2 proxy pushgateway pyroscope python.d
  rabbitmq redis resin rocketmq rum_collector scheck sensors skywalking smart snmp solr sqlserver ssh statsd swap system
  telegraf_http tdengine tidb tomcat traefik traceable vmalert vsphere weblogic websphere windows_event windows_remote xfsquota
  zabbix_exporter zookeeper`.split(/\s+/),
);

/** Tables and keys of DataKit's main file (datakit.conf), which DataKit itself does not read from conf.d either. */
export const dataKitMainKeys: ReadonlySet<string> = new Set(
  `cloud confds crypto datakit_user dataway dca default_enabled_inputs election enable_debug_fields enable_pprof environments
  git_repos global_election_tags global_env_tags global_host_tags hostname http_api http_listen install_ver io ipdb kv logging
  name namespace operator output_file pipeline point_pool pprof_listen protect_mode recorder remote_job resource_limit
  self_import sinks ulimit uuid`.split(/\s+/),
);

const dataKitVariables: ReadonlySet<string> = new Set(
  `ENV_CLOUD_PROVIDER ENV_CONFD_BACKEND ENV_DATAKIT_INPUTS ENV_DATAKIT_OPERATOR ENV_DATAWAY ENV_DEFAULT_ENABLED_INPUTS
  ENV_DISABLE_404PAGE ENV_DISABLE_PROTECT_MODE ENV_ELECTION_NODE_WHITELIST ENV_ENABLE_DEBUG_FIELDS ENV_ENABLE_ELECTION
  ENV_ENABLE_ELECTION_NAMESPACE_TAG ENV_ENABLE_ELECTION_TAG ENV_ENABLE_INPUTS ENV_ENABLE_PPROF ENV_ENC_KEY ENV_GIN_LOG
  ENV_GLOBAL_ELECTION_TAGS ENV_GLOBAL_ENV_TAGS ENV_GLOBAL_HOST_TAGS ENV_GLOBAL_TAGS ENV_HOSTNAME ENV_IPDB
  ENV_CLUSTER_NAME_K8S ENV_K8S_CLUSTER_NODE_NAME ENV_K8S_NODE_IP ENV_K8S_NODE_NAME ENV_LOG ENV_LOG_LEVEL ENV_NAMESPACE ENV_POINT_POOL
  ENV_PPROF_LISTEN ENV_REMOTE_JOB_ENABLE ENV_ULIMIT`.split(/\s+/),
);
const dataKitPrefix =
  /^ENV_(?:DATAWAY|HTTP|RUM|REQUEST_RATE_LIMIT|IO|GIT|LOG_ROTATE|PIPELINE|SINKER|DCA|INPUT|REFER_TABLE|RESOURCE_LIMIT)_/;

export function isDataKitVariable(name: string): boolean {
  return dataKitVariables.has(name) || dataKitPrefix.test(name) || name === 'ENV_REQUEST_RATE_LIMIT';
}
