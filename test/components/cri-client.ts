import { type Client, credentials, makeGenericClientConstructor } from '@grpc/grpc-js';
import protobuf from 'protobufjs';

/** What we use of the Container Runtime Interface, by its field numbers (kubernetes/cri-api, runtime/v1). */
const messages = `
syntax = "proto3";
package runtime.v1;
message Nothing {}
message Condition { string type = 1; bool status = 2; string message = 4; }
message Conditions { repeated Condition conditions = 1; }
message RuntimeStatus { Conditions status = 1; }
message SandboxName { string name = 1; string uid = 2; string namespace = 3; uint32 attempt = 4; }
message Namespaces { uint32 network = 1; uint32 pid = 2; uint32 ipc = 3; }
message SandboxSecurity { Namespaces namespace_options = 1; }
message SandboxLinux { string cgroup_parent = 1; SandboxSecurity security_context = 2; }
message Sandbox { SandboxName metadata = 1; string log_directory = 3; SandboxLinux linux = 8; }
message RunSandbox { Sandbox config = 1; }
message SandboxId { string pod_sandbox_id = 1; }
message ContainerName { string name = 1; uint32 attempt = 2; }
message Image { string image = 1; }
message Container { ContainerName metadata = 1; Image image = 2; repeated string command = 3; repeated string args = 4; string log_path = 11; }
message CreateContainer { string pod_sandbox_id = 1; Container config = 2; Sandbox sandbox_config = 3; }
message ContainerId { string container_id = 1; }
message StopContainer { string container_id = 1; int64 timeout = 2; }
message ContainerState { string id = 1; uint32 state = 3; int32 exit_code = 7; }
message ContainerStatus { ContainerState status = 1; }
`;

const calls = {
  Status: ['Nothing', 'RuntimeStatus'],
  RunPodSandbox: ['RunSandbox', 'SandboxId'],
  StopPodSandbox: ['SandboxId', 'Nothing'],
  RemovePodSandbox: ['SandboxId', 'Nothing'],
  CreateContainer: ['CreateContainer', 'ContainerId'],
  StartContainer: ['ContainerId', 'Nothing'],
  StopContainer: ['StopContainer', 'Nothing'],
  RemoveContainer: ['ContainerId', 'Nothing'],
  ContainerStatus: ['ContainerId', 'ContainerStatus'],
  ReopenContainerLog: ['ContainerId', 'Nothing'],
} as const;

/** A pod's directory of logs and its name. */
export interface PodPlace {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly logDirectory: string;
}

export interface ContainerPlan {
  readonly sandboxId: string;
  readonly pod: PodPlace;
  readonly name: string;
  /** How often it was restarted before. */
  readonly attempt: number;
  readonly image: string;
  readonly command: readonly string[];
  /** Below the pod's directory. */
  readonly logPath: string;
}

const exited = 2;
/** The node's own network, so that no plugin for networks is needed. */
const nodeNetwork = 2;

/** The calls that a kubelet makes of its runtime, over the runtime's socket. Each rejects with what the runtime said. */
export class CriClient {
  readonly #client: Client;
  readonly #types = protobuf.parse(messages, { keepCase: true }).root;

  constructor(socket: string) {
    const definition = Object.fromEntries(
      Object.entries(calls).map(([name, [request, response]]) => {
        const [asked, answered] = [request, response].map((type) => this.#types.lookupType(`runtime.v1.${type}`));
        return [
          name,
          {
            path: `/runtime.v1.RuntimeService/${name}`,
            requestStream: false,
            responseStream: false,
            requestSerialize: (value: object) => Buffer.from(asked?.encode(asked.fromObject(value)).finish() ?? []),
            requestDeserialize: (bytes: Buffer) => asked?.decode(bytes),
            responseSerialize: (value: object) => Buffer.from(answered?.encode(value).finish() ?? []),
            responseDeserialize: (bytes: Buffer) => answered?.toObject(answered.decode(bytes), { defaults: true }),
          },
        ];
      }),
    );
    const Runtime = makeGenericClientConstructor(definition, 'RuntimeService');
    this.#client = new Runtime(`unix:${socket}`, credentials.createInsecure());
  }

  close(): void {
    this.#client.close();
  }

  async isReady(): Promise<boolean> {
    const { status } = await this.#call<{ status: { conditions: { type: string; status: boolean }[] } }>('Status', {});
    return status.conditions.some(({ type, status: good }) => type === 'RuntimeReady' && good);
  }

  async runSandbox(pod: PodPlace): Promise<string> {
    const answer = await this.#call<{ pod_sandbox_id: string }>('RunPodSandbox', { config: sandboxOf(pod) });
    return answer.pod_sandbox_id;
  }

  async removeSandbox(id: string): Promise<void> {
    await this.#call('StopPodSandbox', { pod_sandbox_id: id });
    await this.#call('RemovePodSandbox', { pod_sandbox_id: id });
  }

  /** Creates and starts it; resolves with its id. */
  async runContainer(plan: ContainerPlan): Promise<string> {
    const answer = await this.#call<{ container_id: string }>('CreateContainer', {
      pod_sandbox_id: plan.sandboxId,
      config: {
        metadata: { name: plan.name, attempt: plan.attempt },
        image: { image: plan.image },
        command: plan.command,
        log_path: plan.logPath,
      },
      sandbox_config: sandboxOf(plan.pod),
    });
    await this.#call('StartContainer', { container_id: answer.container_id });
    return answer.container_id;
  }

  async hasExited(id: string): Promise<boolean> {
    const answer = await this.#call<{ status: { state: number } }>('ContainerStatus', { container_id: id });
    return answer.status.state === exited;
  }

  /** SIGTERM, and after so long SIGKILL. */
  async stopContainer(id: string, timeoutSeconds: number): Promise<void> {
    await this.#call('StopContainer', { container_id: id, timeout: timeoutSeconds });
  }

  async removeContainer(id: string): Promise<void> {
    await this.#call('RemoveContainer', { container_id: id });
  }

  async reopenLog(id: string): Promise<void> {
    await this.#call('ReopenContainerLog', { container_id: id });
  }

  #call<T>(name: keyof typeof calls, request: object): Promise<T> {
    return new Promise((resolve, reject) => {
      const method: unknown = Reflect.get(this.#client, name);
      if (typeof method !== 'function') {
        reject(new TypeError(`there is no call ${name}`));
        return;
      }
      const deadline = Date.now() + 60_000;
      method.call(this.#client, request, { deadline }, (error: Error | null, answer: T) =>
        error === null ? resolve(answer) : reject(error),
      );
    });
  }
}

function sandboxOf({ namespace, name, uid, logDirectory }: PodPlace): object {
  return {
    metadata: { name, uid, namespace, attempt: 0 },
    log_directory: logDirectory,
    linux: { security_context: { namespace_options: { network: nodeNetwork } } },
  };
}
