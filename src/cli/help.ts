interface CommandHelp {
  readonly usage: string;
  readonly summary: string;
  readonly options?: readonly (readonly [option: string, meaning: string])[];
  readonly more?: string;
  /** Commands that are named and not built. */
  readonly missing?: true;
}

const configDir = ['--config-dir DIR', 'read *.conf under DIR, and nowhere else'] as const;
const dataDir = ['--data-dir DIR', 'where the queue and the store are'] as const;

const daemonOptions = [
  ['--to URL', 'the running daemon; default: http://127.0.0.1:9529'],
  ['--token-file FILE', 'the token of a daemon on another machine'],
  ['--data-dir DIR', 'where the daemon of this machine keeps its token; default as for "run"'],
] as const;

export const commands = {
  run: {
    usage: 'run [--config-dir DIR] [--data-dir DIR] [--listen HOST:PORT] [--demo] [--demo-namespace NAME]',
    summary: 'Runs the daemon.',
    options: [
      [
        '--config-dir DIR',
        'read *.conf under DIR, and nowhere else; default: all of ./conf.d, /etc/meshbridge/conf.d and /usr/local/datakit/conf.d that exist',
      ],
      ['--data-dir DIR', 'keep queue and store there; default: ./data, in a container /var/lib/meshbridge'],
      ['--listen HOST:PORT', 'the main port; default: 127.0.0.1:9529, in a cluster 0.0.0.0:9529'],
      ['--demo', 'run Bookinfo behind real Envoys with a little load, and show what they say'],
      ['--demo-namespace NAME', 'the same with Bookinfo in that namespace, such as prod; default: default'],
    ],
    more: 'SIGTERM and SIGINT let it finish what it holds and end; a second one ends it at once. Without configuration it keeps what comes in and shows it.',
  },
  check: {
    usage: 'check [--config-dir DIR] [--strict] [--connect] [--json] [FILE...]',
    summary: 'Reads the configuration, or the files named, and says all that is wrong.',
    options: [
      configDir,
      ['--strict', 'warnings are faults'],
      ['--connect', 'ask every output whether it could deliver now'],
      ['--json', 'one JSON object instead of text'],
    ],
    more: 'FILE is a *.conf, or a Kubernetes manifest: the *.conf entries of a ConfigMap and prom.instances annotations are checked where they stand. Ends with 0 when all is good and 78 when not.',
  },
  explain: {
    usage: 'explain (--pod NS/NAME | -f MANIFEST.yaml | --all) [--to URL] [--json]',
    summary: 'Says which targets follow from annotations, and why.',
    options: [
      ['--pod NS/NAME', 'a pod of the node of the running daemon, and how its last scrapes went'],
      ['-f, --file MANIFEST.yaml', 'what would follow from this manifest; needs neither a daemon nor a cluster'],
      ['--all', 'all pods of that node'],
      ['--to URL', 'the running daemon; default: http://127.0.0.1:9529'],
      ['--json', 'one JSON object instead of text'],
    ],
    more: 'In a manifest $IP, $PODNAME and $NODENAME stand for what the cluster fills in. Ends with 78 where the manifest has a fault.',
  },
  migrate: {
    usage: 'migrate FILE...',
    summary: "Writes our manifest in the place of DataKit's, and says what has no twin.",
    more: "FILE is a Kubernetes manifest: DataKit's DaemonSet, and its ConfigMaps and Services if they stand elsewhere. The manifest that comes out keeps the DaemonSet's name, namespace and labels, so that kubectl apply puts it in DataKit's place. What is not taken over stands at its top, as comments. Ends with 78 where a file has a fault.",
  },
  monitor: {
    usage: 'monitor [--to URL] [--token-file FILE] [--data-dir DIR]',
    summary: 'Shows a running daemon in the terminal, live.',
    options: daemonOptions,
    more: 'q ends it; the arrow keys, the space bar and b move through what does not fit. It waits for a daemon that is away. Into a file or pipe it writes one picture and ends. NO_COLOR is heeded.',
  },
  doctor: {
    usage: 'doctor [--to URL] [--token-file FILE] [--data-dir DIR] [--json]',
    summary: 'Says what the set-up of a running daemon lacks, and what mends it.',
    options: [...daemonOptions, ['--json', 'one JSON object instead of text']],
    more: 'Each line is green, yellow, red, or unknown with the reason. Ends with 1 where one is red, or no daemon answers. docs/doctor.md explains every line.',
  },
  demo: {
    usage: 'demo (list | set NAME on|off | apply -f FILE... | delete -f FILE... | load PAGES) [--to URL] [--json]',
    summary: 'Shows and turns the switches of a running demo.',
    options: [
      ['list', 'all switches, what is on, and the rules that are in force'],
      ['set NAME on|off', 'turns one of them'],
      ['apply -f FILE...', 'puts VirtualServices and DestinationRules into force, as kubectl apply would'],
      ['delete -f FILE...', 'takes them away again'],
      ['load PAGES', 'so many pages a second'],
      ...daemonOptions,
      ['--json', 'one JSON object instead of text'],
    ],
    more: '"meshbridge run --demo" starts it. docs/demo.md leads through it step by step.',
  },
  tap: {
    usage: 'tap [--signal metrics|traces|logs|rum] [--match SELECTOR] [--record FILE] [--limit N] [--json] [--to URL]',
    summary: 'Prints what flows through a running daemon, live.',
    options: [
      ['--signal NAME', 'only these, separated by commas: metrics, traces, logs, rum'],
      ['--match SELECTOR', `only items with these labels, such as '{namespace="prod", pod=~"reviews-.*"}'`],
      ['--record FILE', 'keep what comes in a file; docs/taps.md says what is in it'],
      ['--limit N', 'end after so many items'],
      ['--json', 'one JSON object a line, as the file output writes them'],
      ...daemonOptions,
    ],
    more: 'It shows what was taken after its start, as it stands in the queue: behind the pipeline, before the outputs. It holds nothing back: items that come too fast for it are skipped and counted. Ctrl-C ends it. docs/taps.md says what the labels of an item are.',
  },
  test: {
    usage: 'test FILE... [--json]',
    summary: 'Runs tests of a configuration.',
    options: [['--json', 'one JSON object instead of text']],
    more: 'FILE is YAML: a configuration, what is posted to its inputs, what they scrape and read, or what was recorded by "tap --record", and what is to come of it. docs/testing-configuration.md shows one. Ends with 1 where a test fails, and with 78 where a file or the configuration has a fault.',
  },
  queue: {
    usage: 'queue (inspect|verify|repair [--requeue [--output NAME] [--signal SIGNAL]]) [--data-dir DIR] [--json]',
    summary: 'Looks into the queue on disk, also while nothing runs.',
    options: [
      dataDir,
      ['--requeue', 'with repair: queue what was refused for good again, for the output that refused it'],
      ['--output NAME', 'with --requeue: of this output alone'],
      ['--signal SIGNAL', 'with --requeue: of metrics, traces, logs or rum alone'],
      ['--json', 'one JSON object instead of text'],
    ],
    more: 'inspect says what each lane holds, how far each output is, and what the outputs refused for good and why; verify reads every record, names what is damaged, and ends with 1 if something is. Both change nothing. repair does what the daemon does when it starts, and says what it cut off and what is lost; stop the daemon for it. docs/queue.md has more.',
  },
  version: { usage: 'version', summary: 'Prints the version.' },
  help: { usage: 'help [COMMAND]', summary: 'Explains a command.' },
} as const satisfies Readonly<Record<string, CommandHelp>>;

export type CommandName = keyof typeof commands;

export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(commands, name);
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.map(([left, right]) => `  ${left.padEnd(width)}${right}`).join('\n');
}

/** All commands, or one of them. */
export function helpText(command?: CommandName): string {
  if (command === undefined) {
    const rows = Object.entries<CommandHelp>(commands).map(
      ([name, { summary, missing }]) => [name, missing ? `${summary} Not part of this version.` : summary] as const,
    );
    return `meshbridge takes in what a mesh says about itself, keeps it safe, and hands it on.\n\nmeshbridge COMMAND\n${columns(rows)}\n\n"meshbridge help COMMAND" says more. The settings are in docs/configuration.md.`;
  }
  const { usage, summary, options, more, missing }: CommandHelp = commands[command];
  const parts = [`meshbridge ${usage}`, missing ? `${summary} Not part of this version.` : summary];
  return [...parts, ...(options === undefined ? [] : [columns(options)]), ...(more === undefined ? [] : [more])].join(
    '\n\n',
  );
}
