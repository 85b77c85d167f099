/** Runs files of Prometheus' test language: `run.ts FILE...`. Lists what failed and what was not run, and counts evals. */
import { readFileSync } from 'node:fs';
import { runPromqltest } from './promqltest.ts';

const counts = { passed: 0, failed: 0, skipped: 0 };
const files = process.argv.slice(2);
if (files.length === 0) {
  console.error('which files? promqltest -- FILE...');
  process.exit(64);
}
for (const file of files) {
  for (const { line, eval: text, failure, skipped } of await runPromqltest(readFileSync(file, 'utf8'))) {
    if (failure !== undefined) {
      counts.failed += 1;
      console.log(`failed   ${file}:${line}  ${text}\n  ${failure}`);
    } else if (skipped !== undefined) {
      counts.skipped += 1;
      console.log(`skipped  ${file}:${line}  ${text}\n  ${skipped}`);
    } else {
      counts.passed += 1;
    }
  }
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed > 0 ? 1 : 0;
