interface Sentences {
  readonly seen: string;
  readonly todo?: string;
}

/** What the daemon says about the set-up (src/api/setup/texts.ts), in Chinese. */
export const setupZh: Readonly<Record<string, Sentences>> = {
  agentsAlone: {
    seen: '本守护进程只代表自己的节点 {node}：它既不是 hub，也不是某个 hub 的 agent，所以不知道共有多少个节点在运行。',
    todo: '要在一处看到所有节点，请部署 hub，并在各 agent 中配置 [[outputs.hub]]。',
  },
  agentsAgent: {
    seen: '这是节点 {node} 的 agent。共有多少个 agent，由 hub 掌握。',
    todo: '请在 hub 的页面上查看同样的检查项：{page}',
  },
  agentsNone: {
    seen: '这是 hub，但还没有任何 agent 发来数据。',
    todo: 'agent 在运行吗？它们能访问这里吗？令牌对吗？请查看它们以及其中一个的日志。',
  },
  agentsAll: { seen: '本 hub 已知的 {all} 个 agent 在最近 {within} 内都有数据：{names}。' },
  agentsSome: {
    seen: '{all} 个 agent 中有 {heard} 个在最近 {within} 内有数据；没有的是 {names}。',
    todo: '已移除的节点会自动被忘记；仍在的节点，请查看它的 agent。',
  },
  agentsVersions: {
    seen: '{all} 个 agent 在最近 {within} 内都有数据，但版本不一致：{names}。',
    todo: 'hub 能读取自己的版本和前一个版本：请统一升级到同一版本。',
  },

  hubIs: { seen: '本守护进程就是 hub：它保存各 agent 发来的数据，并代表它们回答查询。' },
  hubNone: { seen: '没有配置 hub：采集的数据留在这里，或交给下面的输出。' },
  hubElsewhere: { seen: '本 agent 把采集的数据发给 hub；进展见下面的输出。' },
  hubTaking: { seen: 'hub 正在接收本 agent 的数据：启动以来 {count} 条，等待中 {waiting} 条。' },
  hubAway: {
    seen: 'hub 不接收数据：{error}。等待中 {waiting} 条，最早的已等 {age}。',
    todo: '队列有空间就不会丢数据。hub 在运行吗？[[outputs.hub]] 的地址对吗？令牌与 hub 的一致吗？',
  },

  sidecarsNone: {
    seen: '这里没有已知的带 Istio 代理的 Pod。',
    todo: '在集群中会自动发现 Pod；其他环境请在 conf.d 中写明代理的页面。',
  },
  sidecarsAll: { seen: '{all} 个带 Istio 代理的 Pod 全部在采集：每轮 {samples} 个样本。' },
  sidecarsWaiting: { seen: '{all} 个带 Istio 代理的 Pod 中已采集 {up} 个，其余即将开始。' },
  sidecarsSome: {
    seen: '{all} 个带 Istio 代理的 Pod 中只采集到 {up} 个；没有采集到的是 {names}。{why}',
    todo: '查看其中一个的完整说明：',
  },

  istiodOnce: { seen: 'istiod 只被采集一次：{names}。' },
  istiodHolder: { seen: 'istiod 只被采集一次，由持有租约 {lease} 的守护进程采集：{holder}。' },
  istiodElsewhere: {
    seen: '本守护进程不采集 istiod；是否有其他守护进程在采集，这里不知道。',
    todo: '如果哪里都没有，请在 agent 的配置中写明 istiod：',
  },
  istiodNone: {
    seen: '最近五分钟没有 istiod 的样本。',
    todo: '请在 agent 的配置中写明 istiod；无论有多少个 agent，都只采集一次：',
  },
  istiodDown: { seen: 'istiod 采集失败：{error}。', todo: '{hint}' },
  istiodTwice: {
    seen: 'istiod 被重复采集：{names}。对它的序列求和会重复计数。',
    todo: '只应由一个守护进程采集：请删除多余的 [[inputs.prom]]，或去掉它的 “election = false”。',
  },
  istiodUnknown: { seen: '无法查询 istiod 的样本：{error}。' },

  spansArriving: { seen: 'Span 正在到达：最近 {within} 内 {count} 个，来自 {workloads} 个服务（{names}）。' },
  spansCounted: { seen: 'Span 正在到达：启动以来 {count} 个。没有存储，不知道来自多少个服务。' },
  spansQuiet: {
    seen: '最近 {within} 内没有新的 Span。启动以来共收到 {count} 个。',
    todo: '有流量吗？如果有，请检查代理是否仍能访问这里：',
  },
  spansNone: { seen: '还没有收到任何 Span。', todo: '请让 Istio 把链路发到这里，重启工作负载，并产生一些流量：' },
  spansRefused: {
    seen: '收到了 Span，但 {refused} 个全部被拒收：{reason}。',
    todo: '守护进程日志记录了每类的第一个。会重试的发送方不会丢数据。',
  },

  samplingRate: {
    seen: '约 {percent} % 的请求有链路：{within} 内开始了 {roots} 条链路，网格外部来的请求有 {requests} 个。',
    todo: '要提高或降低采样率：',
  },
  samplingNone: {
    seen: '{within} 内有 {requests} 个请求，但没有一个有链路。',
    todo: '请让 Istio 把链路发到这里，并开启采样：',
  },
  samplingIdle: { seen: '当前没有来自网格外部的请求计数，无法得知采样比例。' },
  samplingFew: { seen: '{within} 内只开始了 {roots} 条链路，请求 {requests} 个，太少，无法得知采样比例。' },
  samplingApart: {
    seen: '{within} 内开始的链路比计数的请求还多：{roots} 条，而请求 {requests} 个，暂时无法得知采样比例。',
  },
  samplingNoMetrics: { seen: '这里没有网关的 istio_requests_total 可供比较，无法得知采样比例。' },
  samplingNoStore: { seen: '没有存储，这里无法得知采样比例。' },

  headersPassed: { seen: '链路是完整的：{workloads} 个服务发出的调用都延续了所在的链路。' },
  headersLost: {
    seen: '{names} 在调用其他服务时新建了链路：{calls} 次调用中的 {lost} 次。链路在那里断开。',
    todo: '应用必须把收到的请求中的这些头复制到它发出的请求中：{headers}。',
  },
  headersUnknown: { seen: '还没有看到既被调用又调用别人的服务，无法判断。' },
  headersNoStore: { seen: '没有存储，这里无法判断链路是否完整。' },

  clockAgrees: { seen: '{pairs} 对服务的时钟相差不超过 {most}。' },
  clockAgents: { seen: '{agents} 个 agent 的时钟与本机相差不超过 {most}。' },
  clockSkew: {
    seen: '{late} 的时钟与 {early} 的相差 {by}：链路中的时间条位置不准。',
    todo: '请用 NTP 同步各节点时间；在节点上运行：',
  },
  clockAgent: { seen: '节点 {late} 的时钟与本机相差 {by}。', todo: '请用 NTP 同步各节点时间；在节点上运行：' },
  clockAhead: {
    seen: '从这里看，{late} 的 Span 在 {by} 之后的未来。',
    todo: '请用 NTP 同步各节点时间；在节点上运行：',
  },
  clockUnknown: { seen: '还没有从两端都看到的请求，无法判断时钟是否一致。' },
  clockNoStore: { seen: '没有存储，这里无法判断各节点的时钟是否一致。' },

  accessLogSeen: {
    seen: '已有 {pods} 个代理的访问日志，格式为 {format}；最近 {lines} 行中有 {traced} 行带有 Trace ID。',
  },
  accessLogNone: { seen: '{pods} 个代理最近的 {lines} 行日志都不是访问日志。', todo: '让 Istio 输出访问日志：' },
  accessLogNoProxies: { seen: '最近 {within} 内没有代理的日志，无法判断。' },
  accessLogNoStore: { seen: '没有存储，这里无法得知日志的内容。' },

  histogramsKept: { seen: '有延迟数据：没有目标去掉直方图。' },
  histogramsLeftOut: {
    seen: '{all} 个目标中有 {count} 个去掉了直方图，因此没有延迟数据：{names}。',
    todo: '请在它们的注解或 [[inputs.prom]] 中保留直方图：',
  },
  histogramsMissing: {
    seen: '有请求计数但没有延迟数据的 Pod：{count} 个（{names}）。',
    todo: '请在它们的注解或 [[inputs.prom]] 中保留直方图：',
  },
  histogramsUnknown: { seen: '没有采集任何目标，无法判断。' },

  diskRoom: { seen: '{dir} 所在磁盘可用 {free}，共 {total}；至少要留出 {floor}。' },
  diskLow: {
    seen: '{dir} 所在磁盘只剩 {free}，共 {total}。低于 {floor} 时不再接收任何数据。',
    todo: '请清理磁盘，或少保存一些：[store] retention 和 max_bytes，[queue] max_bytes。',
  },
  diskFull: {
    seen: '{dir} 所在磁盘只剩 {free}，而必须留出 {floor}：不接收任何数据。',
    todo: '请清理磁盘，或少保存一些：[store] retention 和 max_bytes，[queue] max_bytes。',
  },
  diskUnknown: { seen: '不知道磁盘还有多少空间。' },

  queueRoom: { seen: '队列已用 {used}，上限 {cap}；最满的是 {signal}：{share} %。' },
  queueFilling: { seen: '{signal} 队列已用 {share} %。', todo: '某个输出太慢或不可用，见各输出。' },
  queueFull: {
    seen: '{signal} 队列不再接收数据：{reason}。',
    todo: '请恢复不接收数据的输出，调大 [queue] max_bytes，或为该输出设置 on_full = "drop_oldest"。',
  },

  outputsNone: { seen: '除存储外没有其他输出：数据保存在这里。' },
  outputsNowhere: { seen: '既没有存储也没有输出：收到的数据不会保存。', todo: '请配置一个输出，或重新开启存储：' },
  outputTaking: { seen: '“{output}”正常接收：启动以来 {count} 条，等待中 {waiting} 条。' },
  outputAway: {
    seen: '“{output}”不接收 {signals}：{error}。等待中 {waiting} 条，最早的已等 {age}。',
    todo: '队列有空间就不会丢数据。检查它现在能否接收：',
  },
  outputStopped: { seen: '“{output}”已停止接收 {signals}。', todo: '请重启守护进程；日志写明了停止的原因。' },
  outputDropped: {
    seen: '“{output}”永久丢弃了 {dropped} 条：{reason}。',
    todo: '对方拒收的保存在它的死信文件中；因队列满而丢弃的已无法找回：请调大 [queue] max_bytes，或设置 on_full = "block"。',
  },

  rightsAll: { seen: 'API Server 允许所需的全部访问；看到节点 {node} 上的 {pods} 个 Pod。' },
  rightsRetry: { seen: 'API Server 没有应答：{error}。Pod 为最后一次看到的状态。', todo: '{hint}' },
  rightsMissing: {
    seen: 'API Server 拒绝：{names}。缺少它：{without}。',
    todo: '请把下面的规则加入其 ServiceAccount 的 Role 或 ClusterRole；无需重启：',
  },
  rightsForbidden: { seen: 'API Server 不允许查看 Pod：{error}。', todo: '{hint}' },
  rightsSecret: { seen: '保存令牌的 Secret {name} 有问题：{error}。', todo: '{hint}' },
  rightsOutside: { seen: '本守护进程不访问 API Server：不在集群中，或 [kubernetes] discovery 为 "off"。' },

  configGood: { seen: '没有警告。已读取文件数：{files}。' },
  configDefaults: { seen: '没有读取配置文件，使用默认值。' },
  configWarnings: {
    seen: '有 {count} 个警告。第一个：{first}',
    todo: '如果与配置文件有关，下面的命令会指出位置以及应该怎么写：',
  },
};
