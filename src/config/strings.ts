import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import type { Fault, PathStep } from './fault.ts';
import { whyUnreadable } from './files.ts';
import { bare, inner, isBesideConfig, isSecret } from './schema-walk.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What is said about a string that could not be resolved; the caller adds the place. */
export type StringFault = Pick<Fault, 'code' | 'message' | 'hint'> & { readonly path: readonly PathStep[] };

export interface StringContext {
  readonly env: Environment;
  /** Where a relative `file:PATH` starts. */
  readonly directory: string;
  readonly faults: StringFault[];
}

const reference = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

/**
 * A copy of the value with `${NAME}` and `${NAME:-default}` replaced in every string, and with the file's text where a secret
 * field says `file:PATH`. A bare `$` stays. What comes from the environment is not looked at again.
 */
export async function resolveStrings(
  value: unknown,
  schemas: readonly z.core.$ZodType[],
  path: readonly PathStep[],
  context: StringContext,
): Promise<unknown> {
  if (typeof value === 'string') {
    return resolveText(value, schemas, path, context);
  }
  if (Array.isArray(value)) {
    const next = schemas.flatMap((schema) => inner(schema, 0));
    return Promise.all(value.map((entry, index) => resolveStrings(entry, next, [...path, index], context)));
  }
  if (typeof value !== 'object' || value === null || value instanceof Date) {
    return value;
  }
  const copy: [string, unknown][] = [];
  for (const [key, entry] of Object.entries(value)) {
    const next = schemas.flatMap((schema) => inner(schema, key));
    copy.push([key, await resolveStrings(entry, next, [...path, key], context)]);
  }
  return Object.fromEntries(copy);
}

async function resolveText(
  text: string,
  schemas: readonly z.core.$ZodType[],
  path: readonly PathStep[],
  context: StringContext,
): Promise<unknown> {
  const filled = text.replace(reference, (whole, name: string, fallback: string | undefined) => {
    const found = context.env[name];
    if (fallback !== undefined) {
      return found === undefined || found === '' ? fallback : found;
    }
    if (found === undefined) {
      context.faults.push({
        code: 'environment',
        path,
        message: `the environment has no ${name}`,
        hint: `set it, or write \${${name}:-default}`,
      });
      return whole;
    }
    return found;
  });
  if (schemas.some(isSecret)) {
    return readSecret(filled, path, context);
  }
  if (schemas.some(isBesideConfig)) {
    return filled === '' ? filled : resolve(context.directory, filled);
  }
  return filled === text ? filled : asWanted(filled, schemas);
}

/** `port = "${PORT}"` gives a number where a number is wanted. */
function asWanted(text: string, schemas: readonly z.core.$ZodType[]): unknown {
  const wanted = schemas.map(bare);
  if (wanted.some((schema) => schema instanceof z.ZodString)) {
    return text;
  }
  if (wanted.some((schema) => schema instanceof z.ZodNumber) && /^-?\d+(?:\.\d+)?$/.test(text)) {
    return Number(text);
  }
  if (wanted.some((schema) => schema instanceof z.ZodBoolean) && /^(?:true|false)$/.test(text)) {
    return text === 'true';
  }
  return text;
}

const secretFile = /^(?:file:|ENC\[file:\/\/)(.+?)\]?$/; // DataKit writes ENC[file:///path]

async function readSecret(text: string, path: readonly PathStep[], context: StringContext): Promise<string> {
  const file = secretFile.exec(text)?.[1];
  if (file === undefined) {
    return text;
  }
  try {
    const secret = (await readFile(resolve(context.directory, file), 'utf8')).replace(/\r?\n$/, '');
    if (secret === '') {
      context.faults.push({
        code: 'secret',
        path,
        message: `the file ${file} is empty`,
        hint: 'put the secret into it',
      });
    }
    return secret;
  } catch (error) {
    context.faults.push({
      code: 'secret',
      path,
      message: `can't read ${file}: ${whyUnreadable(error)}`,
      hint: 'write file: and the path of a file with the secret',
    });
    return text;
  }
}
