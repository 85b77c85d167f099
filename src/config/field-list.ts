import { z } from 'zod';
import { bare, metaOf } from './schema-walk.ts';

type Schema = z.core.$ZodType;

/** The keys and values of a map's example, as TOML: `name = "..."`. */
export function exampleEntries(field: Field): readonly string[] {
  const example = typeof field.exampleValue === 'object' && field.exampleValue !== null ? field.exampleValue : {};
  return Object.entries(example).map(([key, value]) => `${key} = ${toToml(value)}`);
}

/** One key of a table, as samples and the reference page show it. */
export interface Field {
  readonly key: string;
  /** In words: `duration`, `list of text`, `"block" or "drop_oldest"`. */
  readonly type: string;
  readonly description: string;
  /** As TOML; undefined where there is none. */
  readonly fallback?: string;
  /** For keys without a default; `example` is the same as TOML. */
  readonly exampleValue: unknown;
  readonly example: string;
  readonly required: boolean;
  /** A table of its own: `table` and `list` have known keys, `map` takes any. */
  readonly shape: 'value' | 'table' | 'list' | 'map';
  readonly fields: readonly Field[];
}

/** The keys of a table in the order in which the schema names them. */
export function fieldsOf(schema: Schema): readonly Field[] {
  const plain = bare(schema);
  return plain instanceof z.ZodObject ? Object.entries(plain.shape).map(([key, field]) => fieldOf(key, field)) : [];
}

/**
 * The same for a component's own table. Keys that its schema misses in an otherwise empty table must be given too, such as
 * one of two that exclude each other.
 */
export function componentFields(schema: z.ZodObject): readonly Field[] {
  const fields = fieldsOf(schema);
  const given = fields.filter((field) => field.required).map((field) => [field.key, field.exampleValue]);
  const missed = new Set(schema.safeParse(Object.fromEntries(given)).error?.issues.map((issue) => issue.path[0]));
  return fields.map((field) =>
    missed.has(field.key) && !field.required ? { ...withoutFallback(field), required: true } : field,
  );
}

function withoutFallback({ fallback: _, ...field }: Field): Field {
  return field;
}

function fieldOf(key: string, schema: Schema): Field {
  const plain = bare(schema);
  const element = plain instanceof z.ZodArray ? bare(plain.element) : undefined;
  const shape = shapeOf(plain, element);
  const meta = metaOf(schema);
  const fallback = defaultOf(schema, meta['kind']);
  const exampleValue = meta['example'] ?? exampleOf(schema);
  return {
    key,
    type: typeOf(schema),
    description: typeof meta['description'] === 'string' ? meta['description'] : '',
    ...(fallback === undefined || shape === 'table' ? {} : { fallback: toToml(fallback) }),
    exampleValue,
    example: toToml(exampleValue),
    required: !z.safeParse(schema, undefined).success,
    shape,
    fields: shape === 'list' && element !== undefined ? fieldsOf(element) : shape === 'table' ? fieldsOf(plain) : [],
  };
}

function shapeOf(plain: Schema, element: Schema | undefined): Field['shape'] {
  if (plain instanceof z.ZodObject) {
    return 'table';
  }
  if (element instanceof z.ZodObject) {
    return 'list';
  }
  return plain instanceof z.ZodRecord ? 'map' : 'value';
}

/** The default as the file would have it: a duration's is text, not ms. */
function defaultOf(schema: Schema, kind: unknown): unknown {
  if (schema instanceof z.ZodDefault) {
    const value: unknown = schema.def.defaultValue;
    if (typeof value === 'number' && (kind === 'duration' || kind === 'size')) {
      return kind === 'duration' ? `${value}ms` : String(value);
    }
    return value;
  }
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodReadonly) {
    return defaultOf(schema.unwrap(), kind);
  }
  return schema instanceof z.ZodPipe ? defaultOf(schema.in, kind) : undefined;
}

const kindNames: Readonly<Record<string, string>> = {
  duration: 'duration',
  size: 'size',
  secret: 'secret',
  url: 'address',
  listen: '`"auto"`, `"off"` or host:port',
  cidr: 'list of networks',
  share: 'share or size',
};

function typeOf(schema: Schema): string {
  const kind = metaOf(schema)['kind'];
  const named = typeof kind === 'string' ? kindNames[kind] : undefined;
  if (named !== undefined) {
    return named;
  }
  const plain = bare(schema);
  if (plain instanceof z.ZodEnum) {
    return plain.options.map((option) => `\`${JSON.stringify(option)}\``).join(' or ');
  }
  if (plain instanceof z.ZodArray) {
    return bare(plain.element) instanceof z.ZodObject ? 'tables' : `list of ${typeOf(plain.element)}`;
  }
  if (plain instanceof z.ZodUnion) {
    return [...new Set(plain.options.map(typeOf))].join(' or ');
  }
  return wordFor(plain);
}

function wordFor(plain: Schema): string {
  if (plain instanceof z.ZodNumber) {
    return plain.format === 'safeint' ? 'whole number' : 'number';
  }
  if (plain instanceof z.ZodBoolean) {
    return 'true or false';
  }
  if (plain instanceof z.ZodRecord) {
    return `name = ${typeOf(plain.valueType)}`;
  }
  return plain instanceof z.ZodObject ? 'table' : 'text';
}

const kindExamples: Readonly<Record<string, unknown>> = {
  duration: '10s',
  size: '10MiB',
  secret: 'file:/etc/meshbridge/secret',
  url: 'http://127.0.0.1:8080/',
  share: '1GiB',
};

function exampleOf(schema: Schema): unknown {
  const meta = metaOf(schema);
  const plain = bare(schema);
  const ofKind = meta['example'] ?? (typeof meta['kind'] === 'string' ? kindExamples[meta['kind']] : undefined);
  if (ofKind !== undefined) {
    return ofKind;
  }
  if (plain instanceof z.ZodEnum) {
    return plain.options[0];
  }
  if (plain instanceof z.ZodArray) {
    return [exampleOf(plain.element)];
  }
  if (plain instanceof z.ZodNumber) {
    return 1;
  }
  if (plain instanceof z.ZodRecord) {
    return { name: exampleOf(plain.valueType) };
  }
  return plain instanceof z.ZodBoolean ? true : '...';
}

export function toToml(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map(toToml).join(', ')}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, entry]) => `${key} = ${toToml(entry)}`);
    return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
  }
  return JSON.stringify(value);
}
