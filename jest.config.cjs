/**
 * Unit tests stand beside the code; test/ holds integration and end-to-end tests. Tests run as CommonJS (jest's ESM mode
 * leaks), so the packages that come as ES modules only are transformed too.
 */
const esModulePackages = ['typebox', 'content-disposition', 'cookie', 'hyparquet'];
const toCommonJs = (syntax) => [
  '@swc/jest',
  { jsc: { target: 'es2022', parser: { syntax } }, module: { type: 'commonjs' } },
];

module.exports = {
  testEnvironment: 'node',
  roots: [
    '<rootDir>/services',
    '<rootDir>/pipelines',
    '<rootDir>/detection',
    '<rootDir>/alerting',
    '<rootDir>/lib',
    '<rootDir>/loadtests',
    '<rootDir>/test',
  ],
  testMatch: ['**/*.test.ts'],
  transform: {
    '^.+\\.ts$': toCommonJs('typescript'),
    '^.+\\.mjs$': toCommonJs('ecmascript'),
    '/node_modules/.+\\.js$': toCommonJs('ecmascript'),
  },
  transformIgnorePatterns: [`/node_modules/(?!(${esModulePackages.join('|')})/)`],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  moduleFileExtensions: ['ts', 'js', 'mjs', 'cjs', 'json', 'node'],
  testTimeout: 60000,
};
