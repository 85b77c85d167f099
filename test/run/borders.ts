/** Checks who imports whom (.dependency-cruiser.cjs), and that anything was looked at: a parser that fails sees no modules and finds no fault. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface CruiseReport {
  readonly modules: readonly { readonly source: string; readonly dependencies?: readonly object[] }[];
  readonly summary: {
    readonly totalDependenciesCruised?: number;
    readonly violations: readonly {
      readonly from: string;
      readonly to: string;
      readonly rule: { readonly name: string; readonly severity: string };
    }[];
  };
}

/** One line per fault; empty when the borders hold. */
export function borderFaults(report: CruiseReport): string[] {
  const own = report.modules.filter(({ source }) => /^(src|test)\//.test(source));
  if (own.length === 0) {
    return ['no module was looked at'];
  }
  if (own.every((module) => (module.dependencies ?? []).length === 0)) {
    return [`no import was seen in ${own.length} modules`];
  }
  return report.summary.violations
    .filter(({ rule }) => rule.severity === 'error')
    .map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`);
}

/** Cruises `folders` under `top` with the project's own rules. */
export function cruise(folders: readonly string[], top: string): CruiseReport {
  const program = fileURLToPath(
    new URL('../../node_modules/dependency-cruiser/bin/dependency-cruiser.mjs', import.meta.url),
  );
  const preload = new URL('./swc-using.mjs', import.meta.url).href;
  const config = fileURLToPath(new URL('../../.dependency-cruiser.cjs', import.meta.url));
  const run = spawnSync(
    process.execPath,
    ['--import', preload, program, ...folders, '--config', config, '--output-type', 'json'],
    {
      cwd: top,
      encoding: 'utf8',
      maxBuffer: 256 * 1024 * 1024,
    },
  );
  if (!run.stdout.startsWith('{')) {
    throw new Error(`dependency-cruiser gave no report: ${run.stderr || run.stdout}`);
  }
  return JSON.parse(run.stdout);
}

if (import.meta.main) {
  const report = cruise(['src', 'test'], fileURLToPath(new URL('../..', import.meta.url)));
  const faults = borderFaults(report);
  for (const fault of faults) {
    console.error(fault);
  }
  console.log(`borders: ${report.modules.length} modules, ${faults.length} faults`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
