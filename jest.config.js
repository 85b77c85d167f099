const swc = {
  jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
  module: { type: 'es6' },
  sourceMaps: 'inline',
};
const common = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+[.]ts$': ['@swc/jest', swc] },
  moduleFileExtensions: ['ts', 'js', 'mjs', 'json', 'node'],
};

/** `unit` is what `npm run check` runs; the others run real components and whole processes, `long` those of `npm run test:long` alone. */
export default {
  projects: [
    {
      ...common,
      displayName: 'unit',
      testMatch: [
        '<rootDir>/src/**/*.test.ts',
        '<rootDir>/test/unit/**/*.test.ts',
        '<rootDir>/test/contracts/**/*.test.ts',
      ],
    },
    { ...common, displayName: 'e2e', testMatch: ['<rootDir>/test/e2e/**/*.test.ts'] },
    { ...common, displayName: 'crash', testMatch: ['<rootDir>/test/crash/**/*.test.ts'] },
    { ...common, displayName: 'long', testMatch: ['<rootDir>/test/run/**/*.test.ts'] },
  ],
};
