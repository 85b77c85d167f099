import { z } from 'zod';

type Schema = z.core.$ZodType;

/** The schema under optional, default and transform: what a value in the file is checked against. */
export function bare(schema: Schema): Schema {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return bare(schema.unwrap());
  }
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodReadonly) {
    return bare(schema.unwrap());
  }
  return schema instanceof z.ZodPipe ? bare(schema.in) : schema;
}

/** Metadata of the schema or of any layer under it; the outer layer wins. */
export function metaOf(schema: Schema): Readonly<Record<string, unknown>> {
  const own = z.globalRegistry.get(schema) ?? {};
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodReadonly
  ) {
    return { ...metaOf(schema.unwrap()), ...own };
  }
  return schema instanceof z.ZodPipe ? { ...metaOf(schema.in), ...own } : own;
}

export function isSecret(schema: Schema | undefined): boolean {
  return schema !== undefined && metaOf(schema)['secret'] === true;
}

/** A path that starts beside the configuration file. */
export function isBesideConfig(schema: Schema | undefined): boolean {
  return schema !== undefined && metaOf(schema)['besideConfig'] === true;
}

/** The schemas that a value inside `schema` may have under that key or index. */
export function inner(schema: Schema, step: string | number): readonly Schema[] {
  const plain = bare(schema);
  if (plain instanceof z.ZodObject) {
    const found: Schema | undefined = Object.hasOwn(plain.shape, step) ? plain.shape[step] : undefined;
    return found === undefined ? [] : [found];
  }
  if (plain instanceof z.ZodArray) {
    return [plain.element];
  }
  if (plain instanceof z.ZodRecord) {
    return [plain.valueType];
  }
  return plain instanceof z.ZodUnion ? plain.options.flatMap((option) => inner(option, step)) : [];
}

/** True where a value on that path is secret, or stands inside something secret. */
export function isSecretPath(schema: Schema, path: readonly (string | number)[]): boolean {
  let here: readonly Schema[] = [schema];
  for (const step of path) {
    here = here.flatMap((candidate) => inner(candidate, step));
    if (here.some(isSecret)) {
      return true;
    }
  }
  return here.some(isSecret);
}

/** The keys that a table on that path knows; undefined where it takes any. */
export function knownKeys(schema: Schema, path: readonly (string | number)[]): readonly string[] | undefined {
  let here: readonly Schema[] = [schema];
  for (const step of path) {
    here = here.flatMap((candidate) => inner(candidate, step));
  }
  const keys = here
    .map(bare)
    .flatMap((candidate) => (candidate instanceof z.ZodObject ? Object.keys(candidate.shape) : []));
  return keys.length === 0 ? undefined : keys;
}
