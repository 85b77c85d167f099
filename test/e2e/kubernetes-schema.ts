import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  // biome-ignore lint/suspicious/noExplicitAny: what stands in a manifest is of any shape.
  readonly [key: string]: any;
}

interface Definition {
  readonly properties?: Readonly<Record<string, object>>;
  readonly format?: string;
  readonly 'x-kubernetes-group-version-kind'?: readonly {
    readonly group: string;
    readonly version: string;
    readonly kind: string;
  }[];
}

/** What one version of Kubernetes says about its objects; keys that it does not know are faults. */
export class KubernetesSchema {
  readonly #ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  readonly #names = new Map<string, string>();
  readonly #checks = new Map<string, ValidateFunction>();

  /** `path` of a swagger.json. */
  constructor(path: string) {
    const { definitions }: { readonly definitions: Readonly<Record<string, Definition>> } = JSON.parse(
      readFileSync(path, 'utf8'),
    );
    for (const [name, definition] of Object.entries(definitions)) {
      for (const { group, version, kind } of definition['x-kubernetes-group-version-kind'] ?? []) {
        this.#names.set(`${group === '' ? '' : `${group}/`}${version} ${kind}`, name);
      }
    }
    const closed = Object.entries(definitions).map(([name, definition]) => [name, closedDefinition(name, definition)]);
    this.#ajv.addSchema({ $id: 'kubernetes', definitions: Object.fromEntries(closed) });
  }

  /** What is wrong with it, one line each. */
  faults(object: KubernetesObject): readonly string[] {
    const title = `${object.apiVersion} ${object.kind}`;
    const name = this.#names.get(title);
    if (name === undefined) {
      return [`${title} is not known`];
    }
    const check = this.#checks.get(name) ?? this.#ajv.compile({ $ref: `kubernetes#/definitions/${name}` });
    this.#checks.set(name, check);
    check(object);
    return (check.errors ?? []).map(
      ({ instancePath, message, params }) =>
        `${object.kind} ${object.metadata.name}${instancePath} ${message} ${JSON.stringify(params)}`,
    );
  }
}

/** The API server takes numbers for quantities, and both numbers and text for ports and percentages. */
const numbersToo = /\.(?:IntOrString|Quantity)$/;

function closedDefinition(name: string, definition: Definition): object {
  if (numbersToo.test(name)) {
    return { type: ['string', 'integer'] };
  }
  return definition.properties === undefined ? definition : { ...definition, additionalProperties: false };
}
