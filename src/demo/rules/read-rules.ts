import { isMap, isScalar, type Node, parseAllDocuments, type YAMLMap } from 'yaml';
import { explainYaml } from '../../lib/yaml-syntax.ts';
import type { DestinationRule, VirtualService } from '../state/istio-rules.ts';
import { readDestinationRule } from './destination-rule.ts';
import { RuleNode } from './rule-node.ts';
import { type RuleNote, RuleNotes } from './rule-notes.ts';
import { readVirtualService } from './virtual-service.ts';

export interface RulesFile {
  readonly virtualServices: readonly VirtualService[];
  readonly destinationRules: readonly DestinationRule[];
  /** With any of them the file is not to be used. */
  readonly faults: readonly RuleNote[];
  /** Keys and objects that are right, and that the demo does not act on. */
  readonly unused: readonly RuleNote[];
}

export interface RulesText {
  /** Its name, for notes. */
  readonly file: string;
  readonly text: string;
}

/** What the demo acts on is the same in all three versions of `networking.istio.io`. */
const istioVersions = ['networking.istio.io/v1', 'networking.istio.io/v1beta1', 'networking.istio.io/v1alpha3'];
/** Kinds that people have beside the rules, with the version to hint at. */
const otherKinds: Readonly<Record<string, string>> = {
  Gateway: 'networking.istio.io/v1',
  ServiceEntry: 'networking.istio.io/v1',
  Sidecar: 'networking.istio.io/v1',
  EnvoyFilter: 'networking.istio.io/v1alpha3',
  Telemetry: 'telemetry.istio.io/v1',
  Service: 'v1',
  ServiceAccount: 'v1',
  ConfigMap: 'v1',
  Deployment: 'apps/v1',
  DaemonSet: 'apps/v1',
};

interface Found {
  readonly virtualServices: VirtualService[];
  readonly destinationRules: DestinationRule[];
}

/**
 * Reads the VirtualServices and DestinationRules of a YAML or JSON file. Objects without a namespace are of `namespace`.
 * Never throws: all that is wrong is in `faults`, with its lines.
 */
export function readRules({ file, text }: RulesText, namespace: string): RulesFile {
  const notes = new RuleNotes(file);
  const found: Found = { virtualServices: [], destinationRules: [] };
  const options = { lineCounter: notes.lines, prettyErrors: false, strict: true };
  const documents = parseAllDocuments(text, options);
  const lines = text.split('\n');
  for (const [n, document] of (Array.isArray(documents) ? documents : []).entries()) {
    const [error] = document.errors;
    if (error !== undefined) {
      const line = lines[notes.lines.linePos(error.pos[0]).line - 1] ?? '';
      const { message, hint } = explainYaml(error.code, line);
      notes.faultAt(error.pos[0], '', message, hint);
    } else if (document.contents !== null) {
      readObject(document.contents, { notes, found, namespace, called: `document ${n + 1}` });
    }
  }
  if (found.virtualServices.length + found.destinationRules.length + notes.faults.length === 0) {
    notes.faultAt(0, '', 'there is neither a VirtualService nor a DestinationRule in it');
  }
  return { ...found, faults: notes.faults, unused: notes.unused };
}

interface Reading {
  readonly notes: RuleNotes;
  readonly found: Found;
  readonly namespace: string;
  /** What to call an object that has neither kind nor name. */
  readonly called: string;
}

function readObject(node: Node, reading: Reading): void {
  const { notes, found, namespace, called } = reading;
  if (!isMap(node)) {
    if (!isScalar(node) || node.value !== null) {
      notes.fault(node, called, 'is not a Kubernetes object');
    }
    return;
  }
  const list = new RuleNode(node, '', notes);
  if (node.get('kind') === 'List') {
    for (const item of list.children('items')) {
      readObject(item.map, { ...reading, called: item.path });
    }
    return;
  }
  const kind = kindOf(node, called, notes);
  if (kind === 'VirtualService') {
    found.virtualServices.push(...readVirtualService(objectOf(node, kind, notes), namespace));
  } else if (kind === 'DestinationRule') {
    found.destinationRules.push(...readDestinationRule(objectOf(node, kind, notes), namespace));
  }
}

/** The object with a path that names it. */
function objectOf(node: YAMLMap, kind: string, notes: RuleNotes): RuleNode {
  const object = new RuleNode(node, `${nameOf(node, kind)}: `, notes);
  object.skip('apiVersion', 'kind', 'status');
  return object;
}

function nameOf(node: YAMLMap, kind: string): string {
  const metadata = node.get('metadata');
  const name = isMap(metadata) ? metadata.get('name') : undefined;
  return typeof name === 'string' ? `${kind} ${name}` : kind;
}

/** Undefined where it is not to be read. */
function kindOf(node: YAMLMap, called: string, notes: RuleNotes): string | undefined {
  const kind = node.get('kind');
  const version = node.get('apiVersion');
  if (typeof kind !== 'string') {
    notes.fault(node, called, 'kind is missing', 'write kind: VirtualService or kind: DestinationRule');
    return undefined;
  }
  const name = nameOf(node, kind);
  const isRule = kind === 'VirtualService' || kind === 'DestinationRule';
  if (typeof version !== 'string') {
    const usual = isRule ? 'networking.istio.io/v1' : (otherKinds[kind] ?? 'and its API group');
    notes.fault(node, name, 'apiVersion is missing', `write apiVersion: ${usual}`);
    return undefined;
  }
  if (!isRule) {
    notes.notUsed(node, name);
    return undefined;
  }
  if (!istioVersions.includes(version)) {
    notes.fault(node, name, `${version} has no such kind`, `write apiVersion: ${istioVersions[0]}`);
    return undefined;
  }
  return kind;
}
