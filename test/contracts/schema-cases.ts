import assert from 'node:assert/strict';
import { z } from 'zod';

/** The part of JSON Schema that zod writes for a configuration. */
interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
}

interface Place {
  readonly path: string;
  readonly schema: JsonSchema;
}

export interface SchemaSubject {
  readonly config: z.ZodObject;
  /** DataKit-shaped tables only warn at unknown keys. */
  readonly datakit?: true;
}

/** What every configuration table keeps to, one function a promise. */
export const schemaCases = {
  'describes every key': async (subject: SchemaSubject) => {
    const bare = keysOf(subject.config).filter(({ schema }) => !/\S.*\.$/s.test(schema.description ?? ''));
    const names = bare.map(({ path }) => path);
    assert.deepEqual(names, [], 'keys without a description that ends with a full stop');
  },

  'refuses an unknown key at every level': async (subject: SchemaSubject) => {
    if (subject.datakit === true) {
      return;
    }
    const open = objectsOf(subject.config).filter(({ schema }) => schema.additionalProperties === undefined);
    const names = open.map(({ path }) => path || 'the table itself');
    assert.deepEqual(names, [], 'tables that take any key');
  },

  'writes its keys in snake case': async (subject: SchemaSubject) => {
    if (subject.datakit === true) {
      return;
    }
    const names = keysOf(subject.config).map(({ path }) => path.split('.').at(-1) ?? '');
    const odd = names.filter((name) => !/^[a-z][a-z0-9_]*$/.test(name));
    assert.deepEqual(odd, [], 'keys that are not snake case');
  },
} as const;

function keysOf(config: z.ZodObject): Place[] {
  return objectsOf(config).flatMap(({ path, schema }) =>
    Object.entries(schema.properties ?? {}).map(([name, child]) => ({
      path: path === '' ? name : `${path}.${name}`,
      schema: child,
    })),
  );
}

function objectsOf(config: z.ZodObject): Place[] {
  const root = z.toJSONSchema(config, { io: 'input', unrepresentable: 'any', reused: 'inline' }) as JsonSchema;
  const found: Place[] = [];
  const visit = (place: Place): void => {
    const { path, schema } = place;
    if (schema.properties !== undefined) {
      found.push(place);
    }
    for (const [name, child] of Object.entries(schema.properties ?? {})) {
      visit({ path: path === '' ? name : `${path}.${name}`, schema: child });
    }
    const inner = [schema.items, ...(schema.anyOf ?? []), ...(schema.allOf ?? [])];
    if (typeof schema.additionalProperties === 'object') {
      inner.push(schema.additionalProperties);
    }
    for (const child of inner) {
      if (child !== undefined) {
        visit({ path, schema: child });
      }
    }
  };
  visit({ path: '', schema: root });
  return found;
}
