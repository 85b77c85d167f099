/** What the switches of the demo do (src/demo/switches), in Chinese. */
export const demoZh: Readonly<Record<string, string>> = {
  'even-thirds': 'reviews 的三个版本各得三分之一的请求：无星、黑星、红星。启动时就是这样。',
  'all-v1': '所有请求都走 v1：没有星级，也没有人调用 ratings。',
  'jason-v2': 'jason 看到 reviews v2 的黑星，其他人看到 v1。',
  'reviews-50-v3': 'reviews 的请求一半走 v1，一半走 v3。',
  'reviews-v3': 'reviews 的请求全部走 v3：红星。',
  'ratings-delay': '对 jason，ratings 延迟 7 秒。productpage 等 3 秒放弃，重试一次，然后显示 Sorry（标志 DI）。',
  'ratings-abort': '对 jason，ratings 返回 500（标志 FI）：评论没有星级。',
  'missing-destination-rule':
    'VirtualService 把 reviews 指向一个没有任何 DestinationRule 定义的子集：返回 503，标志 NC 或 NR。',
  'timeouts-repaired': 'reviews 等 ratings 的时间由 10 秒改为 2.5 秒，productpage 因此能及时得到应答。',
  'one-percent-sampling': '每一百个请求只跟踪一个，与 Istio 的默认值相同。',
  'lost-trace-headers': 'reviews 不再传递 x-b3 请求头：它对 ratings 的调用会另起一条链路。',
  'istiod-replica-down': 'istiod 的两个副本之一不再应答采集。',
  'crash-loop': 'details-v1 的容器反复退出并重启。',
  burst: '一分钟之内，每秒 30 个页面。',
  'page-without-type': '合并后的指标页面没有 Content-Type。',
  'page-empty-labels': '没有标签的指标名后面带有 {}。',
  'page-repeated-types': '同一指标族在合并页面的每一部分都有 # TYPE 行。',
  'page-failing-app': '合并页面中取不到应用程序自己的那一部分。',
};
