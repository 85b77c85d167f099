import type { Comparison, Extraction, LabelFilter, LabelFormat, LineOp, Matcher, Stage } from './ast.ts';
import { syntaxError, unsupported } from './errors.ts';
import type { Tree } from './tree.ts';
import { byteCount, durationSeconds } from './units.ts';

export function matcherOf(tree: Tree): Matcher {
  const op = tree.only('Eq', 'Neq', 'Re', 'Nre').text;
  const value = tree.only('String').string;
  const name = tree.only('Identifier').text;
  if (op !== '=' && op !== '!=' && op !== '=~' && op !== '!~') {
    throw syntaxError(tree.query, tree.from, `syntax error: unexpected ${op}`);
  }
  return { name, op, value };
}

/** The stages of a log expression or of a log range, in order. */
export function stagesOf(tree: Tree): Stage[] {
  return tree.all('PipelineExpr').flatMap((pipeline) => pipeline.listed('PipelineStage').flatMap(stageOf));
}

function stageOf(tree: Tree): Stage[] {
  const lines = tree.child('LineFilters');
  if (lines !== undefined) {
    return lines.listed('LineFilter').map(lineFilterOf);
  }
  const [stage] = tree.children.filter(({ name }) => name !== 'Pipe');
  const read = stage === undefined ? undefined : readers[stage.name];
  if (stage === undefined || read === undefined) {
    throw unsupported(stage?.text ?? tree.text);
  }
  return [read(stage)];
}

const readers: Readonly<Record<string, (tree: Tree) => Stage>> = {
  LabelParser: labelParserOf,
  JsonExpressionParser: (tree) => ({ kind: 'json', labels: extractionsOf(tree) }),
  LogfmtParser: logfmtOf,
  LogfmtExpressionParser: logfmtOf,
  LabelFilter: (tree) => ({ kind: 'filter', filter: labelFilterOf(tree) }),
  LineFormatExpr: (tree) => ({ kind: 'line_format', template: tree.only('String').string }),
  LabelFormatExpr: (tree) => ({
    kind: 'label_format',
    formats: tree.only('LabelsFormat').listed('LabelFormatMatcher').map(labelFormatOf),
  }),
  DropLabelsExpr: (tree) => ({ kind: 'drop', labels: someLabelsOf(tree.only('DropLabels'), 'DropLabel') }),
  KeepLabelsExpr: (tree) => ({ kind: 'keep', labels: someLabelsOf(tree.only('KeepLabels'), 'KeepLabel') }),
  DecolorizeExpr: () => ({ kind: 'decolorize' }),
};

function lineFilterOf(tree: Tree): Stage {
  if (tree.child('FilterOp') !== undefined) {
    throw unsupported('the line filter ip()');
  }
  const filter = tree.only('Filter');
  const op = lineOps[filter.children[0]?.text ?? ''];
  if (op === undefined) {
    throw unsupported(`the line filter ${filter.text}`);
  }
  return { kind: 'line', op, values: [...stringsIn(filter), ...stringsIn(tree)] };
}

const lineOps: Readonly<Record<string, LineOp>> = {
  '|=': '|=',
  '!=': '!=',
  '|~': '|~',
  '!~': '!~',
  '|>': '|>',
  '!>': '!>',
};

/** Of a filter, and of what stands behind its `or`. */
function stringsIn(tree: Tree): string[] {
  return tree.children.flatMap((child) => {
    if (child.name === 'FilterOp') {
      throw unsupported('the line filter ip()');
    }
    return child.name === 'String' ? [child.string] : child.name === 'OrFilter' ? stringsIn(child) : [];
  });
}

function labelParserOf(tree: Tree): Stage {
  const parser = tree.children[0]?.text ?? '';
  const pattern = tree.child('String')?.string ?? '';
  switch (parser) {
    case 'json':
      return { kind: 'json', labels: [] };
    case 'logfmt':
      return { kind: 'logfmt', labels: [], flags: new Set() };
    case 'unpack':
      return { kind: 'unpack' };
    case 'pattern':
    case 'regexp':
      return { kind: parser, pattern };
    default:
      throw unsupported(`the parser ${parser}`);
  }
}

function logfmtOf(tree: Tree): Stage {
  const flags = tree.all('LogfmtParserFlags').flatMap((list) => list.listed('ParserFlag'));
  return { kind: 'logfmt', labels: extractionsOf(tree), flags: new Set(flags.map(({ text }) => text)) };
}

function extractionsOf(tree: Tree): Extraction[] {
  const lists = tree.all('LabelExtractionExpressionList');
  return lists
    .flatMap((list) => list.listed('LabelExtractionExpression'))
    .map((each) => {
      const name = each.only('Identifier').text;
      return { name, from: each.child('String')?.string ?? name };
    });
}

function labelFormatOf(tree: Tree): LabelFormat {
  const [target, source] = tree.all('Identifier');
  const name = target?.text ?? '';
  return source === undefined ? { name, template: tree.only('String').string } : { name, from: source.text };
}

function someLabelsOf(list: Tree, item: string): (Matcher | string)[] {
  return list.listed(item).map((each) => {
    const matcher = each.child('Matcher');
    return matcher === undefined ? each.only('Identifier').text : matcherOf(matcher);
  });
}

/** `and` and a comma bind closer than `or`: the grammar's tree does not say so. */
export function labelFilterOf(tree: Tree): LabelFilter {
  const { filters, ors } = flattened(tree);
  const [first, ...rest] = filters;
  if (first === undefined) {
    return singleFilterOf(tree);
  }
  const alternatives: LabelFilter[] = [];
  let current = first;
  for (const [i, right] of rest.entries()) {
    if (ors[i] === true) {
      alternatives.push(current);
      current = right;
    } else {
      current = { kind: 'and', left: current, right };
    }
  }
  return [...alternatives, current].reduce((left, right) => ({ kind: 'or', left, right }));
}

/** Filters that no parentheses hold together, and whether `or` stands between each two. */
function flattened(tree: Tree): { filters: LabelFilter[]; ors: boolean[] } {
  const parts = tree.all('LabelFilter');
  const [left, right] = parts;
  if (left === undefined) {
    return { filters: [singleFilterOf(tree)], ors: [] };
  }
  if (right === undefined) {
    return { filters: [labelFilterOf(left)], ors: [] };
  }
  const [first, second] = [flattened(left), flattened(right)];
  const ors = [...first.ors, tree.child('Or') !== undefined, ...second.ors];
  return { filters: [...first.filters, ...second.filters], ors };
}

function singleFilterOf(tree: Tree): LabelFilter {
  const matcher = tree.child('Matcher');
  if (matcher !== undefined) {
    return { kind: 'text', matcher: matcherOf(matcher) };
  }
  if (tree.child('IpLabelFilter') !== undefined) {
    throw unsupported('the label filter ip()');
  }
  const filter = tree.child('UnitFilter')?.only('DurationFilter', 'BytesFilter') ?? tree.only('NumberFilter');
  const [name, op, value] = filter.children;
  if (name === undefined || op === undefined || value === undefined) {
    throw syntaxError(tree.query, tree.from, 'syntax error: unexpected $end');
  }
  const kind = kinds[filter.name] ?? 'number';
  return { kind, name: name.text, op: comparisonOf(op), value: comparedValue(kind, value) };
}

const kinds: Readonly<Record<string, 'number' | 'duration' | 'bytes'>> = {
  NumberFilter: 'number',
  DurationFilter: 'duration',
  BytesFilter: 'bytes',
};

function comparisonOf(tree: Tree): Comparison {
  const op = comparisons.find((each) => each === tree.text);
  if (op === undefined) {
    throw syntaxError(tree.query, tree.from, `syntax error: unexpected ${tree.text}`);
  }
  return op;
}

const comparisons: readonly Comparison[] = ['=', '==', '!=', '>', '>=', '<', '<='];

function comparedValue(kind: 'number' | 'duration' | 'bytes', tree: Tree): number {
  const text = tree.text.replaceAll(/\s/g, '');
  const value = kind === 'duration' ? durationSeconds(text) : kind === 'bytes' ? byteCount(text) : Number(text);
  if (value === undefined || Number.isNaN(value)) {
    throw syntaxError(tree.query, tree.from, `${JSON.stringify(text)} is no ${kind}`);
  }
  return value;
}
