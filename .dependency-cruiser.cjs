// Who may import whom. The table is data; the rules follow from it.
const rooms = {
  lib: [],
  model: [],
  contract: ['model'],
  config: ['contract', 'model', 'lib'],
  codec: ['contract', 'model', 'lib'],
  record: ['contract', 'model', 'lib'],
  lane: ['contract', 'model', 'record', 'lib'],
  pipeline: ['contract', 'model', 'codec', 'lib'],
  http: ['contract', 'lib'],
  telemetry: ['contract', 'model', 'lib'],
  kube: ['contract', 'lib'],
  promql: ['model', 'lib'],
  logql: ['model', 'lib'],
  store: ['contract', 'model', 'record', 'codec', 'promql', 'logql', 'lib'],
  cli: ['contract', 'model', 'config', 'lib', 'lane', 'record', 'http'],
  scrape: ['contract', 'model', 'codec', 'config', 'http', 'lib'],
  inputs: ['contract', 'model', 'codec', 'config', 'http', 'kube', 'pipeline', 'scrape', 'lib'],
  outputs: ['contract', 'model', 'codec', 'config', 'http', 'lib'],
  api: ['contract', 'model', 'http', 'lib'],
  demo: ['contract', 'lib'],
  ui: [],
};

const roomRules = Object.entries(rooms).map(([room, allowed]) => {
  return {
    name: `room-${room}`,
    severity: 'error',
    from: { path: `^src/${room}/`, pathNot: '([.]test[.]ts$)|(^src/(inputs|outputs)/hub/)' },
    to: { path: '^(src|test)/', pathNot: `^src/(${[room, ...allowed].join('|')})/` },
  };
});

// inputs/hub and outputs/hub speak records to each other.
const hubRules = ['inputs', 'outputs'].map((room) => ({
  name: `hub-in-${room}`,
  severity: 'error',
  from: { path: `^src/${room}/hub/`, pathNot: '[.]test[.]ts$' },
  to: { path: '^(src|test)/', pathNot: `^src/(${[room, ...rooms[room], 'record'].join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...roomRules,
    ...hubRules,
    {
      name: 'one-component-one-folder',
      severity: 'error',
      from: { path: '^src/(inputs|outputs|codec)/([^/]+)/', pathNot: '[.]test[.]ts$' },
      to: { path: '^src/(inputs|outputs)/', pathNot: '^src/$1/($2/|contract)' },
    },
    {
      name: 'kubernetes-client-only-in-kube',
      severity: 'error',
      from: { pathNot: '^src/kube/' },
      to: { path: '@kubernetes/client-node' },
    },
    {
      name: 'codecs-do-no-io',
      severity: 'error',
      from: { path: '^src/(codec|model|promql|logql)/', pathNot: '[.]test[.]ts$' },
      to: {
        dependencyTypes: ['core'],
        path: '^(node:)?(fs|net|http|https|http2|child_process|worker_threads|dns|tls)(/|$)',
      },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-dev-dependency-at-run-time',
      severity: 'error',
      from: { path: '^src/', pathNot: '([.]test[.]ts$)|(^src/ui/)' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^src/ui/' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};
