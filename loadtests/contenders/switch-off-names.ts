/** The variable that names the part of the scorer that `switch-off.ts` takes out. */
export const SWITCHED_OFF = 'LOADTEST_WITHOUT';
