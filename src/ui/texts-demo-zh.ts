import type { enDemo } from './texts-demo-en.ts';

/** The same in Chinese. */
export const zhDemo: Readonly<Record<keyof typeof enDemo, string>> = {
  demo: '演示',
  demoTitle: '演示网格',
  demoIntro: '运行在真实 Envoy 之后的 Bookinfo。打开一个开关，半分钟之内就能在这里看到效果。',
  demoOpen: '打开 productpage',
  demoSignIn: '可以用任意名字登录；故障只对 jason 生效，密码留空。',
  demoLoad: '负载',
  demoPages: '每秒 {count} 个页面',
  demoRouting: '路由',
  demoFaults: '故障',
  demoTelemetry: '遥测',
  demoCluster: '集群',
  demoMetricsPages: '指标页面',
  demoOn: '开',
  demoOff: '关',
  demoTurning: '切换中…',
  demoLook: '查看',
  demoRules: '当前生效的规则',
  demoCommand: '也可以在终端里操作；演练教程中的文件同样是开关：',
};
