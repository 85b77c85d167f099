import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RecordDecoders } from '../../src/codec/record-decoder.ts';
import { stdout } from '../../src/outputs/stdout/stdout.ts';
import { StdoutOutput } from '../../src/outputs/stdout/stdout-output.ts';
import { tinyRequest } from './bites/tiny-output.ts';
import { describeOutput } from './output-contract.ts';

/** The process's own standard output belongs to the test runner, so the output prints to a file. */
describeOutput({
  kind: 'local',
  definition: {
    ...stdout,
    create: (_config, runtime) => {
      const fd = openSync(join(runtime.dataDir, 'printed'), 'a');
      const output = new StdoutOutput(fd, runtime);
      let open = true;
      return {
        start: () => output.start(),
        write: (request, signal) => output.write(request, signal),
        check: () => output.check(),
        stop: async () => {
          await output.stop();
          if (open) {
            open = false;
            closeSync(fd);
          }
        },
      };
    },
  },
  decode: new RecordDecoders(),
  request: tinyRequest,
  config: () => ({}),
  itemsIn: async (dir) => (await readFile(join(dir, 'printed'), 'utf8')).split('\n').length - 1,
});
