// The package's own types cover only its front door. Its parser and compiler are what gives the place of each key.
declare module 'toml/lib/parser.js' {
  export interface TomlValueNode {
    readonly type: string;
    readonly value: unknown;
    readonly offset: number;
  }
  export interface TomlNode {
    readonly type: 'Assign' | 'ObjectPath' | 'ArrayPath';
    readonly value: unknown;
    readonly key?: string | readonly string[];
    readonly offset: number;
  }
  const parser: { parse(text: string): readonly TomlNode[] };
  // biome-ignore lint/style/noDefaultExport: a CommonJS module has no other
  export default parser;
}

declare module 'toml/lib/compiler.js' {
  import type { TomlNode } from 'toml/lib/parser.js';

  const compiler: { compile(nodes: readonly TomlNode[], text: string): Record<string, unknown> };
  // biome-ignore lint/style/noDefaultExport: a CommonJS module has no other
  export default compiler;
}
