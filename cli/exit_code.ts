/** The exit codes of every command. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  divergence: 3,
  interrupted: 130,
  terminated: 143,
} as const;
