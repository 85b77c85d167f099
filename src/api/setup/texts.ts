/** Every sentence about the set-up. `{name}` is filled in; the page says them in Chinese by the same keys. */
export const setupTexts = {
  agentsAlone: {
    seen: 'This daemon speaks for its own node {node} alone: it is neither a hub nor the agent of one, so how many nodes run one is not known here.',
    todo: 'To see all nodes at once, deploy a hub and write [[outputs.hub]] in the agents.',
  },
  agentsAgent: {
    seen: 'This is the agent of the node {node}. How many there are, the hub knows.',
    todo: 'Look at the same lights on the page of the hub: {page}',
  },
  agentsNone: {
    seen: 'This is a hub, and no agent has sent it anything yet.',
    todo: 'Are the agents there, do they reach it, and do they have its token? Look at them, and at what one of them logs.',
  },
  agentsAll: { seen: 'Agents heard within the last {within}: {all} of {all} ({names}).' },
  agentsSome: {
    seen: 'Agents heard within the last {within}: {heard} of {all}; not {names}.',
    todo: 'A node that was removed is forgotten by itself. Of one that is there, look at the agent.',
  },
  agentsVersions: {
    seen: 'Agents heard within the last {within}: {all} of {all}, but their versions differ: {names}.',
    todo: 'A hub reads its own version and the one before: bring all to the same one.',
  },

  hubIs: { seen: 'This daemon is the hub: it keeps what the agents send, and answers for all of them.' },
  hubNone: { seen: 'No hub is configured: what this daemon collects stays here, or goes to the outputs below.' },
  hubElsewhere: { seen: 'This agent sends what it collects to a hub; how that goes, its output below tells.' },
  hubTaking: { seen: 'The hub takes what this agent sends: {count} items since it began, {waiting} wait.' },
  hubAway: {
    seen: 'The hub takes nothing: {error}. {waiting} items wait, the oldest for {age}.',
    todo: 'Nothing is lost while the queue has room. Is the hub running, is the address in [[outputs.hub]] right, and is the token the one of the hub?',
  },

  sidecarsNone: {
    seen: 'No pod with Istio’s proxy is known here.',
    todo: 'In a cluster, pods are found by themselves. Elsewhere name the page of a proxy in conf.d.',
  },
  sidecarsAll: { seen: 'Pods with Istio’s proxy that are scraped: {all} of {all}; {samples} samples with each round.' },
  sidecarsWaiting: { seen: 'Pods with Istio’s proxy that are scraped: {up} of {all}; the others are about to be.' },
  sidecarsSome: {
    seen: 'Pods with Istio’s proxy that are scraped: {up} of {all}; not {names}. {why}',
    todo: 'Ask for the whole story of one of them:',
  },

  istiodOnce: { seen: 'istiod is scraped once: {names}.' },
  istiodHolder: { seen: 'istiod is scraped once, by the daemon that holds the lease {lease}: {holder}.' },
  istiodElsewhere: {
    seen: 'istiod is not scraped by this daemon; whether another does it, is not known here.',
    todo: 'If no page has it, name istiod in the configuration of the agents:',
  },
  istiodNone: {
    seen: 'No samples of istiod have come in the last five minutes.',
    todo: 'Name istiod in the configuration of the agents; it is then scraped once, whatever their number:',
  },
  istiodDown: { seen: 'istiod cannot be scraped: {error}.', todo: '{hint}' },
  istiodTwice: {
    seen: 'istiod is scraped more than once: {names}. Sums over its series count double.',
    todo: 'Only one daemon may have it: remove the second [[inputs.prom]], or its “election = false”.',
  },
  istiodUnknown: { seen: 'Whether istiod’s samples are here could not be asked: {error}.' },

  spansArriving: { seen: 'Spans arrive: {count} in the last {within}; workloads: {workloads} ({names}).' },
  spansCounted: {
    seen: 'Spans arrive: {count} since this daemon began. Of how many workloads is not known where no store is.',
  },
  spansQuiet: {
    seen: 'No span has begun in the last {within}. {count} have come since this daemon began.',
    todo: 'Is there traffic? If there is, look whether the proxies still reach it:',
  },
  spansNone: {
    seen: 'No span has ever arrived.',
    todo: 'Point Istio’s tracing here, restart the workloads, and send some traffic:',
  },
  spansRefused: {
    seen: 'Spans come, and all {refused} were refused: {reason}.',
    todo: 'The log of the daemon names the first of each kind. Senders that try again lose nothing.',
  },

  samplingRate: {
    seen: 'About {percent} % of the requests are traced: {roots} traces began in {within}, for {requests} requests from outside of the mesh.',
    todo: 'To trace more, or less:',
  },
  samplingNone: {
    seen: 'Requests flow, {requests} in {within}, and none of them is traced.',
    todo: 'Point Istio’s tracing here, and let it sample:',
  },
  samplingIdle: { seen: 'No requests from outside of the mesh are counted now, so what share is traced is not known.' },
  samplingFew: {
    seen: 'Only {roots} traces began in {within}, for {requests} requests: too few to tell what share is traced.',
  },
  samplingApart: {
    seen: 'More traces began than requests were counted, {roots} for {requests} in {within}, so what share is traced is not known yet.',
  },
  samplingNoMetrics: {
    seen: 'No istio_requests_total of a gateway is here to compare the traces with, so what share is traced is not known.',
  },
  samplingNoStore: { seen: 'Without a store, what share of the requests is traced is not known here.' },

  headersPassed: {
    seen: 'Traces are whole: calls continue the traces they are part of; services that were looked at: {workloads}.',
  },
  headersLost: {
    seen: '{names} begin new traces when they call others: {lost} of {calls} calls. Their traces fall apart there.',
    todo: 'The application must copy these headers from each request that it gets into those that it makes: {headers}.',
  },
  headersUnknown: { seen: 'No service that is called and calls others has been seen, so this is not known.' },
  headersNoStore: { seen: 'Without a store, whether traces are whole is not known here.' },

  clockAgrees: { seen: 'Clocks agree within {most}; pairs of services that were looked at: {pairs}.' },
  clockAgents: { seen: 'The clocks of agents agree with this one within {most}; agents: {agents}.' },
  clockSkew: {
    seen: 'The clock behind {late} is {by} apart from that behind {early}: bars of traces stand in wrong places.',
    todo: 'Let the nodes keep time by NTP; on the node:',
  },
  clockAgent: {
    seen: 'The clock of the node {late} is {by} apart from this one.',
    todo: 'Let the nodes keep time by NTP; on the node:',
  },
  clockAhead: {
    seen: 'Spans of {late} are {by} in the future, as seen from here.',
    todo: 'Let the nodes keep time by NTP; on the node:',
  },
  clockUnknown: { seen: 'No request has been seen from both sides, so whether clocks agree is not known.' },
  clockNoStore: { seen: 'Without a store, whether the clocks of the nodes agree is not known here.' },

  accessLogSeen: {
    seen: 'The access log of {pods} proxies is here, in {format}; {traced} of {lines} of its last lines name their trace.',
  },
  accessLogNone: {
    seen: 'Of the last {lines} lines of {pods} proxies none is of an access log.',
    todo: 'Let Istio write one:',
  },
  accessLogNoProxies: { seen: 'No log line of a proxy has come in the last {within}, so this is not known.' },
  accessLogNoStore: { seen: 'Without a store, what the lines of the logs say is not known here.' },

  histogramsKept: { seen: 'Latencies are there: no target leaves its histograms out.' },
  histogramsLeftOut: {
    seen: '{count} of {all} targets leave their histograms out, so they have no latencies: {names}.',
    todo: 'Let their annotation, or [[inputs.prom]], keep them:',
  },
  histogramsMissing: {
    seen: 'Pods that count requests but have no latencies: {count} ({names}).',
    todo: 'Let their annotation, or [[inputs.prom]], keep histograms:',
  },
  histogramsUnknown: { seen: 'Nothing is scraped, so this is not known.' },

  diskRoom: { seen: '{free} of {total} are free on the disk of {dir}; {floor} must stay free.' },
  diskLow: {
    seen: 'Only {free} of {total} are free on the disk of {dir}. Under {floor} nothing is taken any more.',
    todo: 'Make room there, or keep less: [store] retention and max_bytes, [queue] max_bytes.',
  },
  diskFull: {
    seen: 'The disk of {dir} has {free} free, and {floor} must stay free: nothing is taken.',
    todo: 'Make room there, or keep less: [store] retention and max_bytes, [queue] max_bytes.',
  },
  diskUnknown: { seen: 'How much room the disk has is not known.' },

  queueRoom: { seen: 'The queue holds {used} of {cap}; the fullest lane, {signal}, {share} %.' },
  queueFilling: {
    seen: 'The queue of {signal} is {share} % full.',
    todo: 'An output is too slow or away; see the outputs.',
  },
  queueFull: {
    seen: 'The queue of {signal} takes nothing more: {reason}.',
    todo: 'Bring back the output that does not take it, raise [queue] max_bytes, or let that output drop with on_full = "drop_oldest".',
  },

  outputsNone: { seen: 'There is no output but the store: what comes is kept here.' },
  outputsNowhere: {
    seen: 'There is neither a store nor an output: what comes in is kept nowhere.',
    todo: 'Write an output, or switch the store on again:',
  },
  outputTaking: { seen: '“{output}” takes everything: {count} items since it began, {waiting} wait.' },
  outputAway: {
    seen: '“{output}” does not take {signals}: {error}. {waiting} items wait, the oldest for {age}.',
    todo: 'Nothing is lost while the queue has room. Ask it whether it could take something now:',
  },
  outputStopped: {
    seen: '“{output}” has stopped taking {signals}.',
    todo: 'Restart the daemon; its log says why it stopped.',
  },
  outputDropped: {
    seen: '“{output}” has lost {dropped} items for good: {reason}.',
    todo: 'Those that the far side refused are in its dead-letter file. Those that found the queue full are gone: raise [queue] max_bytes, or set on_full = "block".',
  },

  rightsAll: { seen: 'The API server allows all that is asked of it; pods of the node {node} that are seen: {pods}.' },
  rightsRetry: {
    seen: 'The API server does not answer: {error}. Pods are as last seen.',
    todo: '{hint}',
  },
  rightsMissing: {
    seen: 'The API server refuses: {names}. Without it {without}.',
    todo: 'Add this to the rules of the Role or ClusterRole of its ServiceAccount; nothing needs to be restarted:',
  },
  rightsForbidden: { seen: 'The API server refuses to show the pods: {error}.', todo: '{hint}' },
  rightsSecret: { seen: 'The Secret {name}, which holds the tokens, is not right: {error}.', todo: '{hint}' },
  rightsOutside: { seen: 'This daemon asks no API server: it runs in no cluster, or [kubernetes] discovery is "off".' },

  configGood: { seen: 'There are no warnings. Files that were read: {files}.' },
  configDefaults: { seen: 'No configuration file was read; the defaults are in force.' },
  configWarnings: {
    seen: 'Warnings: {count}. The first: {first}',
    todo: 'Where it is about a file, this shows the place, and what to write instead:',
  },
} as const satisfies Readonly<Record<string, { readonly seen: string; readonly todo?: string }>>;

export type SetupText = keyof typeof setupTexts;
