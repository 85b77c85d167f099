import { z } from 'zod';
import type { SetupFacts } from './facts.ts';
import { type Light, light, named } from './light.ts';

const rightsSchema = z.object({
  rights: z.array(
    z.object({
      verb: z.string(),
      resource: z.string(),
      group: z.string().default(''),
      without: z.string().default(''),
      rule: z.string().default(''),
    }),
  ),
});

/** What the API server refuses to whichever input asks it for something, by name. */
export function rightsLight({ status, list }: SetupFacts): Light {
  const id = 'kubernetes';
  const { tokenSecret } = status;
  const { watches } = list;
  const blind = watches.find(({ state }) => state === 'forbidden');
  const inputs = [...new Map(status.inputs.map(({ id: input, detail }) => [input, detail])).values()];
  const missing = inputs.flatMap((detail) => rightsSchema.safeParse(detail).data?.rights ?? []);
  if (missing.length > 0) {
    const values = {
      names: named(missing.map(({ verb, resource, group }) => `${verb} ${resource}${group === '' ? '' : `.${group}`}`)),
      without: unique(missing.map(({ without }) => without)).join('; '),
    };
    const snippet = unique(missing.map(({ rule }) => rule)).join('\n');
    return light({ id, state: blind === undefined ? 'yellow' : 'red', text: 'rightsMissing', values, snippet });
  }
  if (blind !== undefined) {
    const { error = '', hint = '' } = blind;
    return light({ id, state: 'red', text: 'rightsForbidden', values: { error, hint } });
  }
  if (tokenSecret?.error !== undefined) {
    const { name, error, hint = '' } = tokenSecret;
    return light({ id, state: 'yellow', text: 'rightsSecret', values: { name, error, hint } });
  }
  const retrying = watches.find(({ state }) => state === 'retrying');
  if (retrying !== undefined) {
    const { error = '', hint = 'It is asked again by itself.' } = retrying;
    return light({ id, state: 'yellow', text: 'rightsRetry', values: { error, hint } });
  }
  return watches.length === 0
    ? light({ id, state: 'unknown', text: 'rightsOutside' })
    : light({ id, state: 'green', text: 'rightsAll', values: { pods: list.pods.length, node: status.node } });
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].filter((text) => text !== '');
}
