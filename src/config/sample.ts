import { z } from 'zod';
import type { InputDefinition } from '../contract/input.ts';
import type { OutputDefinition } from '../contract/output.ts';
import { delivery } from './delivery-fields.ts';
import { componentFields, exampleEntries, type Field, fieldsOf, toToml } from './field-list.ts';
import { inputSwitch, tables } from './schema.ts';

const width = 110;
const howTo =
  'Copy this file to a name that ends in .conf. What stands behind one # holds by itself, unless it is marked as an example.';

/** One `conf.d/*.conf.sample`: its name and its text. */
export interface Sample {
  readonly name: string;
  readonly text: string;
}

/** `##` explains, `# key = value` shows the default, and keys that must be given are not behind a #. */
export function samples(definitions: {
  readonly inputs: readonly InputDefinition[];
  readonly outputs: readonly OutputDefinition[];
}): readonly Sample[] {
  const inputs = definitions.inputs.map((definition) => ({
    name: `inputs.${definition.type}.conf.sample`,
    text: component('inputs', definition, inputFields(definition)),
  }));
  const outputs = definitions.outputs.map((definition) => ({
    name: `outputs.${definition.type}.conf.sample`,
    text: component('outputs', definition, outputFields(definition)),
  }));
  return [...inputs, ...outputs, { name: 'meshbridge.conf.sample', text: ownTables() }];
}

export function inputFields(definition: InputDefinition): readonly Field[] {
  return [...fieldsOf(z.object(inputSwitch)), ...componentFields(definition.config)];
}

/** Its own keys first, then those of every output, with the defaults that this one changes. */
export function outputFields(definition: OutputDefinition): readonly Field[] {
  const own = componentFields(definition.config);
  const changed = new Map<string, unknown>(
    Object.entries({ name: definition.type, signals: definition.signals, ...definition.defaults }),
  );
  const common = fieldsOf(delivery).map((field) =>
    changed.has(field.key) ? { ...field, fallback: toToml(changed.get(field.key)) } : field,
  );
  return [...own, ...common];
}

function component(
  room: string,
  definition: { readonly type: string; readonly summary: string },
  fields: readonly Field[],
): string {
  const path = `${room}.${definition.type}`;
  return [
    ...remark('#', definition.summary),
    ...remark('#', howTo),
    `[[${path}]]`,
    ...body(fields, path, '  '),
    '',
  ].join('\n');
}

function ownTables(): string {
  const lines = [...remark('#', 'Everything but inputs and outputs.'), ...remark('#', howTo)];
  for (const field of fieldsOf(tables({ inCluster: false }))) {
    lines.push('', ...remark('##', field.description), `[${field.key}]`);
    const entries = exampleEntries(field).map((entry) => `  # ${entry} # example`);
    lines.push(...(field.shape === 'map' ? entries : body(field.fields, field.key, '  ')));
  }
  return `${lines.join('\n')}\n`;
}

function remark(mark: string, text: string, indent = ''): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && indent.length + mark.length + line.length + word.length + 2 > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].filter((one) => one !== '').map((one) => `${indent}${mark} ${one}`);
}

/** Tables inside the table come last, as TOML wants it. */
function body(fields: readonly Field[], path: string, indent: string): string[] {
  const values = fields.filter((field) => field.shape === 'value');
  const inner = fields.filter((field) => field.shape !== 'value');
  return [
    ...values.flatMap((field) => valueLines(field, indent)),
    ...inner.flatMap((field) => tableLines(field, path, indent)),
  ];
}

function valueLines(field: Field, indent: string): string[] {
  const example = field.fallback === undefined && !field.required;
  const line = `${field.key} = ${field.fallback ?? field.example}${example ? ' # example' : ''}`;
  return ['', ...remark('##', field.description, indent), `${indent}${field.required ? '' : '# '}${line}`];
}

function tableLines(field: Field, path: string, indent: string): string[] {
  const here = `${path}.${field.key}`;
  const header = field.shape === 'list' ? `[[${here}]]` : `[${here}]`;
  const lines = ['', ...remark('##', field.description, indent), `${indent}# ${header}`];
  if (field.shape === 'map') {
    return [...lines, ...exampleEntries(field).map((entry) => `${indent}#   ${entry} # example`)];
  }
  const optional = field.fields.map((inner) => ({ ...inner, required: false }));
  return [...lines, ...body(optional, here, `${indent}  `)];
}
